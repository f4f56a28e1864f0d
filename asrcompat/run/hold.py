"""What one process alone may touch is held by a lock on a file; the system lets go of it when that process dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

_TRIES = 100  # each failure takes a removal of its own: a few would do


@contextmanager
def held(file: Path, *, wait: Callable[[], None]) -> Iterator[None]:
    """Hold `file`; where somebody else does, `wait` is called once, and then it is waited for."""
    told = False
    while (handle := _hold(file)) is None:
        if not told:
            told = True
            wait()
        with _opened(file) as other:
            fcntl.flock(other, fcntl.LOCK_EX)  # and once more from the start: the file may be another by now
    with handle:
        yield


@contextmanager
def held_now(file: Path) -> Iterator[bool]:
    """Hold `file` where nobody else does; whether it could be held."""
    handle = _hold(file)
    if handle is None:
        yield False
        return
    with handle:
        yield True


@contextmanager
def alone(home: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the environments of one identity (the folder `home`), waiting for whoever else does."""
    with held(home / ".lock", wait=lambda: tell("waits for another session of this environment")):
        yield


def _hold(file: Path) -> TextIO | None:
    """The file, locked; None where another process has it. Who had it last may have removed its folder with it."""
    while True:
        handle = _opened(file)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return None
        if _is(handle, file):
            return handle
        handle.close()


def _opened(file: Path) -> TextIO:
    """The file, in its folder: whoever holds it may be removing both just now, once or a few times."""
    for _ in range(_TRIES - 1):
        with suppress(FileNotFoundError, FileExistsError):
            return _made(file)
    return _made(file)


def _made(file: Path) -> TextIO:
    file.parent.mkdir(parents=True, exist_ok=True)
    return file.open("w", encoding="utf-8")


def _is(handle: TextIO, file: Path) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        there = file.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(handle.fileno())
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
