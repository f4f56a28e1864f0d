"""The harness's own run, its memory and its disk."""

from __future__ import annotations

import shutil
import sys
import threading
from pathlib import Path

import psutil

from contest.bench import Bench, seconds_of
from contest.took import Took

_MEMORY_SECONDS = 0.5  # between two looks at how much the harness holds
_BLOCK = 512  # bytes, of what `lstat` counts


def by_the_harness(bench: Bench, jobs: int) -> Took:
    """A run of the profile, from locks, without environments; then once more, unchanged."""
    for name in ("envs", "results", "probe", "logs", "reports"):
        shutil.rmtree(bench.work / name, ignore_errors=True)
    command = [sys.executable, "-m", "nox", "--session", "matrix", "--", "--profile", "benchmark"]
    command += ["--devices", "cpu", "--torch-index", "none", "--jobs", str(jobs)]
    with _Memory(bench.work / "envs") as memory:
        took = Took(wall=seconds_of(command, bench, cwd=bench.folder / "checkout"))
    took.memory = memory.most
    took.again = seconds_of(command, bench, cwd=bench.folder / "checkout")
    for request in bench.sources:
        result = bench.options.store.read(request.id, warn=print)
        if result is None:
            raise SystemExit(f"{request.id}: no result")
        took.installs[request.id] = result.environment.seconds["install"]
        for cell in result.cells:
            took.add(request.id, cell)
    took.disk = _further(bench)
    return took


def _further(bench: Bench) -> list[float]:
    """What each environment but the first of its stack adds to the disk, in MB: files that no earlier one has."""
    found = []
    seen: dict[tuple[str, str], set[tuple[int, int]]] = {}
    for request in bench.sources:
        home = bench.work / "envs" / request.id
        if not home.is_dir():
            raise SystemExit(f"{request.id}: no environment was built")
        files = {(one.st_dev, one.st_ino): one.st_blocks * _BLOCK for one in (each.lstat() for each in home.rglob("*"))}
        stack = request.torch, request.python
        if stack in seen:
            found.append(sum(size for inode, size in files.items() if inode not in seen[stack]) / 1e6)
        seen.setdefault(stack, set()).update(files)
    return found


class _Memory:
    """Watches how much memory the processes of the harness hold at most, in MB: those of nox and this package.

    Of pages that several of them hold, each counts its share. What runs in environments under test is not the
    harness's, and neither are installers.
    """

    def __init__(self, envs: Path) -> None:
        self._envs = str(envs)
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.most = 0.0

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._left.wait(_MEMORY_SECONDS):
            held = sum(self._held(one) for one in psutil.Process().children(recursive=True))
            self.most = max(self.most, held / 1e6)

    def _held(self, process: psutil.Process) -> int:
        try:
            words = process.cmdline()
            if not words or words[0].startswith(self._envs) or Path(words[0]).name == "uv":
                return 0
            return int(process.memory_full_info().pss)
        except psutil.Error:
            return 0  # it ended meanwhile
