"""Start the probe in an environment, watch it, and collect its records.

One process per group of paths (`run.paths.groups`); a path whose child died or ran out of a limit is run once more in a
fresh process, and that result stands. CUDA cells get fresh processes from the start. Where the reference path is not
among those asked for, it may run along as their guide: to its features and no further, and it is no cell.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asrcompat.model import Device
from asrcompat.run.cores import FILE_VARIABLE
from asrcompat.run.inputs import Inputs
from asrcompat.run.paths import PROBE, groups, path_files
from asrcompat.run.process import run
from asrcompat.run.records import Raw, read_events
from asrcompat.run.watch import ImportDeadlineError, Progress, Watch
from asrcompat.spec import Limits, ProbeSettings, split_path

REFERENCE_PATH = "transformers"
EXIT_SECONDS = 30  # for an interpreter to shut down, once its path is done
_DEAD_PROXY = "http://127.0.0.1:9"
# What the harness sets so that a probe is one: whose home, which hub, no network.
RESERVED_VARIABLES = frozenset(
    {
        *("HOME", "PATH", "PYTHONPATH", "TMPDIR", "XDG_CACHE_HOME", "HF_HOME", "HF_ENDPOINT", "NO_PROXY", "no_proxy"),
        *(spelling for name in ("http", "https", "all") for spelling in (f"{name}_proxy", f"{name}_proxy".upper())),
    }
)
_PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "SYSTEMROOT")


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is probed with: the interpreter, the distributions whose versions it tells, where the hub is.

    `findings` are the groups of findings to try, with their budgets in seconds; `variables` are set besides the
    harness's own, or in place of them. `guided`: the reference path runs along, if not asked for.
    """

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
    findings: Mapping[str, float] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    guided: bool = False


def probe(
    target: Target,
    files: Mapping[str, Path],
    device: Device,
    *,
    folder: Path,
    on_progress: Progress,
    on_found: Callable[[Raw], None] = lambda _: None,
) -> dict[str, Raw]:
    """Climb the ladder on every path of `files`; `folder` is emptied and used for records, logs and scratch.

    `on_found` gets each record as soon as it stands.
    """
    shutil.rmtree(folder, ignore_errors=True)
    found: dict[str, Raw] = {}
    guides = path_files([REFERENCE_PATH]) if target.guided and REFERENCE_PATH not in files else {}

    def run_group(group: Mapping[str, Path], own: Path, preimport: bool) -> dict[str, Raw]:
        return _run_group(target, group, device, own, preimport, tuple(guides), on_progress)

    for number, group in enumerate(groups({**guides, **files}, first=REFERENCE_PATH)):
        if device is Device.CPU:
            found |= run_group(group, folder / f"group{number}", True)
        stands = [name for name in group if name in found and not _undecided(found[name])]
        for name in sorted(group, key=lambda one: one not in stands):
            if name not in stands:
                found[name] = _afresh(run_group, name, group[name], found.get(name), folder, on_progress)
            if name in files:
                on_found(found[name])
    return {name: found[name] for name in files}


def _afresh(
    run_group: Callable[[Mapping[str, Path], Path, bool], dict[str, Raw]],
    name: str,
    file: Path,
    first: Raw | None,
    folder: Path,
    on_progress: Progress,
) -> Raw:
    """A path run in a process of its own; `first` is its run in the group, where that died."""
    if first is not None:
        on_progress(name, "died; once more in a fresh process")
    fresh = run_group({name: file}, folder / f"fresh-{name}", False)[name]
    if first is None and _undecided(fresh):  # a device whose first run is a fresh one already
        first = fresh
        fresh = run_group({name: file}, folder / f"again-{name}", False)[name]
    return replace(fresh, first=first)


def _undecided(raw: Raw) -> bool:
    return raw.died and not raw.climbed


def _run_group(
    target: Target,
    group: Mapping[str, Path],
    device: Device,
    folder: Path,
    preimport: bool,
    guides: Sequence[str],
    on_progress: Progress,
) -> dict[str, Raw]:
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    settings = settings_of(target, group, device, folder, preimport=preimport, guides=guides)
    settings_file = folder / "settings.json"
    settings_file.write_text(json.dumps(settings, indent=1), encoding="utf-8")
    watch = Watch(folder, group, target.limits.import_seconds if preimport else None, on_progress)
    limits = target.limits
    of_one = limits.cell_seconds + limits.train_seconds + sum(target.findings.values()) + limits.import_seconds + 60
    deadline = len(group) * of_one
    command = [target.python, PROBE / "__main__.py", settings_file]
    try:
        done = run(command, env=environment(target, folder), cwd=scratch, seconds=deadline, poll=watch.poll)
        output, told = done.output, f"exit code {done.code}"
    except ImportDeadlineError as late:
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
    shutil.rmtree(_home(folder), ignore_errors=True)
    return found


def settings_of(
    target: Target,
    group: Mapping[str, Path],
    device: Device,
    folder: Path,
    *,
    preimport: bool,
    guides: Sequence[str] = (),
) -> dict[str, Any]:
    """What the probe reads: these paths in one process, which imports before it forks or (fresh) a child of it does."""
    return {
        "path_files": {name: str(file) for name, file in group.items()},
        "preimport": preimport,
        "device": device.value,
        "folder": str(folder),
        "reference_folder": str(folder.parent),
        "scratch": str(folder / "scratch"),
        "home": str(_home(folder)),
        "fixtures": str(target.fixtures),
        "models": {name: target.inputs.states.get(split_path(name)[1], target.model) for name in group},
        "fairseq": str(target.inputs.fairseq),
        "symbols": target.inputs.symbols,
        "inputs": target.inputs.probe,
        "expected": target.inputs.expected,
        "distributions": list(target.distributions),
        "reference_path": REFERENCE_PATH,
        "guides": list(guides),
        "threads_file": os.environ.get(FILE_VARIABLE),
        "seed": target.probe.seed,
        "trials": target.probe.trials,
        "tolerance": target.probe.tolerance,
        "findings": target.findings,
        "limits": {
            "cell_seconds": target.limits.cell_seconds,
            "train_seconds": target.limits.train_seconds,
            "import_seconds": target.limits.import_seconds,
            "silence_seconds": target.limits.silence_seconds,
            "memory_gb": target.limits.memory_gb,
            "output_mb": target.limits.output_mb,
            "exit_seconds": EXIT_SECONDS,
        },
    }


def _home(folder: Path) -> Path:
    return folder / "home"


def environment(target: Target, folder: Path) -> dict[str, str]:
    """The variables that a probe gets: an allow-list, a home of its own, the hub, and no way to the network."""
    home = _home(folder)
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
        "LC_ALL": "C.UTF-8",  # a person's language changes messages, and with them what is recognised
    }
    if not target.write_bytecode:
        ours["NUMBA_CACHE_DIR"] = str(home / "numba")  # by itself numba makes folders beside librosa's modules
        ours["PYTHONDONTWRITEBYTECODE"] = "1"  # otherwise left out: without written bytecode S3PRL takes twice as long
    return {**passed, **proxies, **ours, **target.variables}
