"""In place of the probe in sessions that are processes of their own: the checkout's noxfile installs it.

It starts the environment's Python for each path and asks the packages, as the probe does, and takes a moment for it.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import psutil

from asrcompat.model import Cell, Check, CheckOutcome, Device, Evidence, Outcome, Stage
from asrcompat.run import process, schedule
from asrcompat.run.cells import Settings, Subject
from asrcompat.run.inputs import Inputs
from asrcompat.run.interpreters import Interpreter

LIBC_VARIABLE = "ASRCOMPAT_TESTS_LIBC"  # the version of the C library that this machine is to have
FREE_VARIABLE = "ASRCOMPAT_TESTS_FREE_GB"  # what is free on the disk of its work folder; where unset, what really is
GRACE_VARIABLE = "ASRCOMPAT_TESTS_GRACE"  # the seconds that what is asked to end is given, instead of the harness's own
_ASK = """
import sys, time
time.sleep(0.1)
from importlib.metadata import version
import s3prl
s3prl.check(sys.argv[1])
print(*(f"{name}={version(name)}" for name in sys.argv[2:]))
"""
_CLIMBED = tuple(stage for stage in Stage if Stage.IMPORT.rung <= stage.rung <= Stage.TRAIN.rung)


def install() -> None:
    """Put the stand-in in its place, in this process."""
    if LIBC_VARIABLE in os.environ:
        patch.object(platform, "libc_ver", lambda: ("glibc", os.environ[LIBC_VARIABLE])).start()
    if FREE_VARIABLE in os.environ:
        free = SimpleNamespace(free=int(float(os.environ[FREE_VARIABLE]) * 1e9))
        patch.object(psutil, "disk_usage", lambda _: free).start()
    if GRACE_VARIABLE in os.environ:
        grace = float(os.environ[GRACE_VARIABLE])
        patch.dict(process.run.__kwdefaults__, grace=grace).start()
        patch.object(schedule, "_GRACE_SECONDS", grace).start()
    here = Interpreter(executable=Path(sys.executable), version=".".join(map(str, sys.version_info[:3])))
    inputs = Inputs(hub_root=Path(), symbols=(), probe={}, expected={}, states={}, fairseq=Path())
    for place, stand_in in (
        ("plan.prepare.find", lambda _: here),
        ("run.session.prepare_inputs", lambda **_: inputs),
        ("run.session.probe_everywhere", probe_everywhere),
        ("running.turns.prepare_inputs", lambda **_: None),
    ):
        patch(f"asrcompat.{place}", stand_in).start()


def probe_everywhere(
    subject: Subject,
    files: Mapping[str, Path],
    _given: Inputs,
    _settings: Settings,
    *,
    tell: Callable[[str], None],
    fixtures: Path,
    known: Collection[tuple[str, Device]],
    keep: Callable[[list[Cell], dict[str, Any]], None],
) -> tuple[list[Cell], dict[str, Any]]:
    """One cell for each path, kept as soon as it stands."""
    cells: list[Cell] = []
    for path in files:
        if (path, Device.CPU) in known:
            continue
        words: list[str | Path] = [subject.python, "-c", _ASK, path, *subject.distributions]
        tell(f"{path} on cpu: import s3prl")
        done = process.run(words, seconds=600)
        cells.append(_cell(subject, path, done))
        tell(f"{path}: {cells[-1].outcome}")
        keep(cells, {})
    return cells, {}


def _cell(subject: Subject, path: str, done: process.Finished) -> Cell:
    failed = Stage.LOAD if done.code else None
    message = done.output.strip().rpartition("\n")[2] if done.code else ""
    versions = dict(word.split("=", 1) for word in done.output.split()) if not done.code else _versions(subject)
    stages = [stage for stage in _CLIMBED if failed is None or stage.rung <= failed.rung]
    checks = tuple(
        Check(
            id=stage.value,
            stage=stage,
            required=True,
            outcome=CheckOutcome.FAILED if stage is failed else CheckOutcome.PASSED,
            message=message if stage is failed else "",
            data={"exception": "ValueError", "traceback": message} if stage is failed else {},
        )
        for stage in stages
    )
    return Cell(
        environment=subject.identity,
        path=path,
        device=Device.CPU,
        outcome=Outcome.BROKEN if failed else Outcome.WORKS,
        stage=failed or Stage.TRAIN,
        passed=Stage.IMPORT if failed else Stage.TRAIN,
        failed=failed,
        exception="ValueError" if failed else None,
        message=message,
        checks=checks,
        evidence=Evidence(
            pid=1,
            started=datetime.now(UTC).isoformat(timespec="milliseconds"),
            log_sha256="0" * 64,
            versions=versions,
            mode="fresh",
        ),
    )


def _versions(subject: Subject) -> dict[str, str]:
    ask = "import sys; from importlib.metadata import version; print(*(f'{n}={version(n)}' for n in sys.argv[1:]))"
    said = subprocess.run(
        [subject.python, "-c", ask, *subject.distributions], capture_output=True, text=True, check=True
    ).stdout
    return dict(word.split("=", 1) for word in said.split())
