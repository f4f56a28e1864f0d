"""Start the probe in an environment, watch it, and collect its records.

One process per group of paths (`run.paths.groups`); a path whose child died or ran out of a limit is run once more in a
fresh process, and that result stands. CUDA cells get fresh processes from the start.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from asrcompat.model import Device
from asrcompat.run.inputs import Inputs
from asrcompat.run.paths import PROBE, groups
from asrcompat.run.process import run
from asrcompat.spec import Limits, ProbeSettings

Event = dict[str, Any]
Progress = Callable[[str, str], None]  # path, what it is at

REFERENCE_PATH = "transformers"
EXIT_SECONDS = 30  # for an interpreter to shut down, once its path is done
_DEAD_PROXY = "http://127.0.0.1:9"
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "SYSTEMROOT")


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What one path's probe left: its events in order and its log; `first` is the run that died before this one."""

    path: str
    device: Device
    events: tuple[Event, ...]
    log: bytes
    first: Raw | None = None

    def last(self, kind: str) -> Event | None:
        """The last event of a kind."""
        return next((event for event in reversed(self.events) if event["event"] == kind), None)

    @property
    def died(self) -> bool:
        """Whether the process ended before it was done."""
        return self.last("finished") is None


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is probed with: the interpreter, the distributions whose versions it tells, where the hub is."""

    python: Path
    distributions: Sequence[str]
    endpoint: str
    model: str
    inputs: Inputs
    fixtures: Path
    probe: ProbeSettings
    limits: Limits
    threads: int
    write_bytecode: bool = True


def probe(
    target: Target, files: Mapping[str, Path], device: Device, *, folder: Path, on_progress: Progress
) -> dict[str, Raw]:
    """Climb the ladder on every path of `files`; `folder` is emptied and used for records, logs and scratch."""
    shutil.rmtree(folder, ignore_errors=True)
    found: dict[str, Raw] = {}
    for number, group in enumerate(groups(files, first=REFERENCE_PATH)):
        if device is Device.CPU:
            found |= _run_group(target, group, device, folder / f"group{number}", True, on_progress)
        again = {name: file for name, file in group.items() if name not in found or found[name].died}
        for name, file in again.items():
            if name in found:
                on_progress(name, "died; once more in a fresh process")
            first = found.get(name)
            fresh = _run_group(target, {name: file}, device, folder / f"fresh-{name}", False, on_progress)[name]
            if first is None and fresh.died:  # a device whose first run is a fresh one already
                first = fresh
                fresh = _run_group(target, {name: file}, device, folder / f"again-{name}", False, on_progress)[name]
            found[name] = replace(fresh, first=first)
    return {name: found[name] for name in files}


def _run_group(
    target: Target, group: Mapping[str, Path], device: Device, folder: Path, preimport: bool, on_progress: Progress
) -> dict[str, Raw]:
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    settings = {
        "path_files": {name: str(file) for name, file in group.items()},
        "preimport": preimport,
        "device": device.value,
        "folder": str(folder),
        "reference_folder": str(folder.parent),
        "scratch": str(scratch),
        "fixtures": str(target.fixtures),
        "model": target.model,
        "symbols": target.inputs.symbols,
        "inputs": target.inputs.probe,
        "expected": target.inputs.expected,
        "distributions": list(target.distributions),
        "reference_path": REFERENCE_PATH,
        "seed": target.probe.seed,
        "trials": target.probe.trials,
        "tolerance": target.probe.tolerance,
        "limits": {
            "cell_seconds": target.limits.cell_seconds,
            "import_seconds": target.limits.import_seconds,
            "silence_seconds": target.limits.silence_seconds,
            "memory_gb": target.limits.memory_gb,
            "output_mb": target.limits.output_mb,
            "exit_seconds": EXIT_SECONDS,
        },
    }
    settings_file = folder / "settings.json"
    settings_file.write_text(json.dumps(settings, indent=1), encoding="utf-8")
    watch = _Watch(folder, group, target.limits.import_seconds if preimport else None, on_progress)
    limits = target.limits
    deadline = len(group) * (limits.cell_seconds + limits.import_seconds + 60)
    command = [target.python, PROBE / "__main__.py", settings_file]
    try:
        done = run(command, env=environment(target, folder), cwd=scratch, seconds=deadline, poll=watch.poll)
        output, told = done.output, f"exit code {done.code}"
    except _ImportDeadlineError as late:
        output, told = "", str(late)
    found = {}
    for name in group:
        events = read_events(folder / f"{name}.jsonl")
        if events and not any(event["event"] in ("finished", "ended") for event in events):
            events.append(
                {"event": "ended", "pid": events[0].get("pid"), "reason": told, "kind": "parent", "seconds": 0}
            )
        log = folder / f"{name}.log"
        text = output.encode("utf-8", "replace") + (log.read_bytes() if log.exists() else b"")
        found[name] = Raw(path=name, device=device, events=tuple(events), log=text)
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.rmtree(folder / "home", ignore_errors=True)
    return found


def environment(target: Target, folder: Path) -> dict[str, str]:
    """The variables that a probe gets: an allow-list, a home of its own, the hub, and no way to the network."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    temporary = folder / "scratch"
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    names = ("http_proxy", "https_proxy", "all_proxy")
    proxies = {spelling: _DEAD_PROXY for name in names for spelling in (name, name.upper())}
    ours = {
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "HF_HOME": str(home / "huggingface"),
        "HF_ENDPOINT": target.endpoint,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_ETAG_TIMEOUT": "120",  # a busy machine is no verdict
        "HF_HUB_DOWNLOAD_TIMEOUT": "120",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
        "OMP_NUM_THREADS": str(target.threads),
        "MKL_NUM_THREADS": str(target.threads),
        "TOKENIZERS_PARALLELISM": "false",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",  # a crash tells where it was
        "PYTHONIOENCODING": "utf-8:backslashreplace",
    }
    if not target.write_bytecode:
        ours["PYTHONDONTWRITEBYTECODE"] = "1"  # otherwise left out: without written bytecode S3PRL takes twice as long
    return {**passed, **proxies, **ours}


def read_events(file: Path) -> list[Event]:
    """The whole lines of a record; a last line that a killed process tore is left out."""
    try:
        lines = file.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    events = []
    for line in lines:
        with contextlib.suppress(ValueError):  # torn by a full disk: what is missing makes the record end early
            events.append(json.loads(line))
    return events


class _ImportDeadlineError(Exception):
    """An import in the probe's parent process takes too long."""


class _Watch:
    """Follows the records while the probe writes them: tells progress, and ends an import that does not end."""

    def __init__(self, folder: Path, names: Mapping[str, Path], import_seconds: float | None, tell: Progress) -> None:
        self._folder = folder
        self._import_seconds = import_seconds
        self._tell = tell
        self._seen = dict.fromkeys(names, 0)
        self._importing: tuple[str, float] | None = None
        self._failed: dict[str, bool] = {}

    def poll(self) -> None:
        for name, seen in self._seen.items():
            events = read_events(self._folder / f"{name}.jsonl")
            self._seen[name] = len(events)
            for event in events[seen:]:
                self._follow(name, event)
        if self._importing is not None and self._import_seconds is not None:
            module, since = self._importing
            if time.monotonic() - since > self._import_seconds:
                message = f"importing {module} did not finish within {self._import_seconds:.0f} s, the deadline"
                raise _ImportDeadlineError(message)

    def _follow(self, name: str, event: Event) -> None:
        if event["event"] == "begin" and event["stage"] == "import":
            self._importing = (event["module"], time.monotonic())
            self._tell(name, f"import {event['module']}")
        elif event["event"] == "check":
            if event["stage"] == "import":
                self._importing = None
                self._tell(name, f"import {event['outcome']} ({event['seconds']:.1f} s)")
            elif event["required"] and event["outcome"] not in ("passed", "skipped"):
                self._tell(name, f"{event['stage']} {event['outcome']} at {event['id']}")
            if event["required"]:
                self._failed[name] = event["outcome"] not in ("passed", "skipped")
        elif event["event"] == "stage" and not self._failed.get(name):
            self._tell(name, f"{event['stage']} passed ({event['seconds']:.1f} s)")
