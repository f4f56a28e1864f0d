"""How much of the disk a search holds: what its environments and its cache would give back if they went.

Others may fill and empty the same disk meanwhile; what they do is not counted.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

# What a torch stack takes while it is installed, before one was measured: with torch 2.8.0 and its libraries 7.4 GB.
STACK_GB = 7.5
_GB = 1e9
_BLOCK = 512  # what `st_blocks` counts in, whatever the disk's blocks are
_SECONDS = 0.5
_REST = 20  # times as long as a look took: a folder of stacks has 100,000 files


class Footprint:
    """Measures what files under `folder` take of the disk and nothing outside it shares; all in GB."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._most = 0

    def __enter__(self) -> Footprint:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def used(self) -> float:
        """Now."""
        return self._look() / _GB

    @property
    def peak(self) -> float:
        """At the worst moment so far."""
        return max(self._look(), self._most) / _GB

    def _look(self) -> int:
        now = held(self._folder)
        self._most = max(self._most, now)
        return now

    def _watch(self) -> None:
        rest = 0.0
        while not self._stop.wait(max(_SECONDS, rest)):
            started = time.monotonic()
            self._look()
            rest = _REST * (time.monotonic() - started)


def held(folder: Path) -> int:
    """The bytes that the disk would get back with this folder: a file with a link from elsewhere gives back nothing."""
    links: dict[tuple[int, int], int] = {}
    seen: dict[tuple[int, int], os.stat_result] = {}
    for status in _files(folder):
        inode = (status.st_dev, status.st_ino)
        links[inode] = links.get(inode, 0) + 1
        seen[inode] = status
    return sum(one.st_blocks * _BLOCK for inode, one in seen.items() if links[inode] >= one.st_nlink)


def _files(folder: Path) -> Iterator[os.stat_result]:
    """The files in a folder that may change while it is read."""
    left = [str(folder)]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
                    elif (status := _status(entry)) is not None:
                        yield status
        except OSError:
            continue  # it is gone


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


@contextmanager
def cache_of_its_own(folder: Path | None) -> Iterator[None]:
    """Let uv keep what it fetches in this folder for a while; None leaves it where it is."""
    if folder is None:
        yield
        return
    before = os.environ.get("UV_CACHE_DIR")
    os.environ["UV_CACHE_DIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["UV_CACHE_DIR"]
        else:
            os.environ["UV_CACHE_DIR"] = before
