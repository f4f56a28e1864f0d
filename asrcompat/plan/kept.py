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
_NEVER = float("-inf")  # when a file was made that is not there


def resolved_for(interpreter: Interpreter) -> tuple[str, ...]:
    """What of a machine decides a resolution: the version of its Python, its system, architecture and C library."""
    return interpreter.version, platform.system(), platform.machine(), *platform.libc_ver()


Carried = Mapping[str, tuple[str, float]]
"""Resolutions on their way to another machine: texts, and the times they were made at (seconds), by file name."""


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

    def read(self, *, hours: float, since: float = 0.0) -> Lock | uv.Failure | None:
        """What is kept, younger than `hours` and not of before `since` (seconds since the epoch), if anything is.

        What is torn or foreign is told, and is nothing.
        """
        file = self.newest()
        if file is None or (time() - (made_at := _made_at(file))) / 3600 >= hours or made_at < since:
            return None
        try:
            return Lock.read(file) if file == self.lock else _conflict(file)
        except (OSError, ValueError) as error:
            Progress().tell(f"passed over: {file}: {error}")
            return None

    def newest(self) -> Path | None:
        """The file that counts, where there is one."""
        newest = max((self.lock, self.conflict), key=_made_at)
        return newest if _made_at(newest) > _NEVER else None

    def carried(self, found: Lock | uv.Failure) -> Carried:
        """An answer, a lock or a conflict, as its file for the work folder of another machine."""
        if isinstance(found, Lock):
            return {self.lock.name: (found.text, _made_at(self.lock))}
        return {self.conflict.name: (found.message, _made_at(self.conflict))}

    def write(self, found: Lock | uv.Failure) -> None:
        """Keep a lock or a conflict; any other failure says nothing of another day."""
        if isinstance(found, Lock):
            write_text(self.lock, found.text)
            self.conflict.unlink(missing_ok=True)
        elif found.kind == "conflict":
            write_text(self.conflict, found.message)
            self.lock.unlink(missing_ok=True)


def _conflict(file: Path) -> uv.Failure:
    message = file.read_text(encoding="utf-8")
    if not message:
        raise ValueError("it says nothing")
    return uv.Failure(kind="conflict", message=message)


def unpack(carried: Carried, work: Path, *, anew: bool) -> None:
    """Put them where a resolver looks for them, as made now: a run has just taken them for good.

    What is that very file, in a folder that both machines use, becomes no younger by this, unless it was made `anew`.
    """
    now = time()
    for name, (text, made_at) in carried.items():
        file = work / _FOLDER / name
        if not anew and _made_at(file) == made_at > _NEVER:
            continue
        write_text(file, text)
        os.utime(file, (now, now))  # by this machine's clock, whatever the disk's is
        key, _, kind = name.partition(".")
        (work / _FOLDER / f"{key}.{_CONFLICT if kind == _LOCK else _LOCK}").unlink(missing_ok=True)


def _made_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # another process may just have put the other answer in its place
        return _NEVER
