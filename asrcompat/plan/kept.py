"""Resolutions that are kept: files in ``<work>/locks``, named by all that decides them and by nothing of this machine.

So one that another machine of the same kind made counts here, wherever its file came from: a cache of CI's, or a run
that gives its environments to others.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import time

from asrcompat.run import uv
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.run.progress import Progress
from asrcompat.run.store import write_text

_FOLDER = "locks"
_LOCK, _CONFLICT = "pylock.toml", "conflict.txt"


def resolved_for(interpreter: Interpreter) -> tuple[str, ...]:
    """What of a machine decides a resolution: the version of its Python, its system, architecture and C library."""
    return interpreter.version, platform.system(), platform.machine(), *platform.libc_ver()


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The two files that one resolution may be kept as under `work`: its lock, or why there can be none."""

    lock: Path
    conflict: Path

    @classmethod
    def of(cls, facts: Sequence[object], *, work: Path) -> Kept:
        """Those of what is asked for; `facts` are all that decides the answer, fit for JSON."""
        key = sha256(json.dumps(facts).encode()).hexdigest()[:24]
        lock, conflict = (work / _FOLDER / f"{key}.{kind}" for kind in (_LOCK, _CONFLICT))
        return cls(lock=lock, conflict=conflict)

    def read(self, *, hours: float) -> Lock | uv.Failure | None:
        """What is kept and younger than this; None where nothing is, with a word where a lock is torn or foreign."""
        if _age_hours(self.lock) < hours:
            try:
                return Lock.read(self.lock)
            except (OSError, ValueError) as error:
                Progress().tell(f"passed over: {self.lock}: {error}")
        if _age_hours(self.conflict) < hours:
            return uv.Failure(kind="conflict", message=self.conflict.read_text(encoding="utf-8", errors="replace"))
        return None

    def write(self, found: Lock | uv.Failure) -> None:
        """Keep a lock or a conflict; any other failure says nothing of another day."""
        if isinstance(found, Lock):
            write_text(self.lock, found.text)
        elif found.kind == "conflict":
            write_text(self.conflict, found.message)


@dataclass(frozen=True, kw_only=True)
class Carried:
    """An environment's resolutions on their way to other machines: of the kind `made_for`, each file with its age.

    `files` are texts and the times they were made at (seconds since the epoch), by name.
    """

    made_for: tuple[str, ...]
    files: Mapping[str, tuple[str, float]]

    @classmethod
    def of(cls, kept: Sequence[Kept], *, made_for: tuple[str, ...]) -> Carried:
        """What there is of these."""
        there = [file for one in kept for file in (one.lock, one.conflict) if file.is_file()]
        files = {
            file.name: (file.read_text(encoding="utf-8", errors="replace"), file.stat().st_mtime) for file in there
        }
        return cls(made_for=made_for, files=files)

    def unpack(self, work: Path) -> None:
        """Put them where a resolver looks for them, as old as they are."""
        for name, (text, made_at) in self.files.items():
            file = work / _FOLDER / name
            write_text(file, text)
            os.utime(file, (made_at, made_at))


def _age_hours(file: Path) -> float:
    try:
        return (time() - file.stat().st_mtime) / 3600
    except FileNotFoundError:
        return float("inf")
