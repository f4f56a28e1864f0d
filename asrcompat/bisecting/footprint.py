"""What a search takes of the disk: how much at worst, and which stacks are given back on the way.

A torch stack is about 5 GB, and uv's cache holds what environments link to: an environment that is removed gives
nothing back while its files are in the cache. A search along torch so has a cache of its own, from which the large
distributions go as soon as their environment is built: a cache that others use is not emptied under them.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from asrcompat.errors import HarnessError
from asrcompat.explain.bisection.along import Lab
from asrcompat.lab.change import Change
from asrcompat.model import BoundaryRun, EnvironmentResult
from asrcompat.report.admit import admit
from asrcompat.run import uv
from asrcompat.run.cells import Settings
from asrcompat.run.lock import Lock
from asrcompat.spec import Request

_GB = 1e9
_SECONDS = 0.5
_STACK_GB = 6.0  # what a torch stack takes while it is installed, before one was measured
LARGE_MB = 40  # a distribution that is worth fetching again rather than keeping


class Footprint:
    """Measures how much less of the disk under `folder` is free than at the start, whoever uses it; all in GB."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        folder.mkdir(parents=True, exist_ok=True)
        self._start = self._least = self._free()

    def __enter__(self) -> Footprint:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def used(self) -> float:
        """Now."""
        return max(0.0, (self._start - self._free()) / _GB)

    @property
    def peak(self) -> float:
        """At the worst moment so far."""
        self._least = min(self._least, self._free())
        return max(0.0, (self._start - self._least) / _GB)

    def _free(self) -> int:
        return shutil.disk_usage(self._folder).free

    def _watch(self) -> None:
        while not self._stop.wait(_SECONDS):
            self._least = min(self._least, self._free())


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


class Tidy:
    """Laboratories, one for each attempt, that take no more of the disk than `budget` GB at a time.

    Each attempt's train-mode steps have seeds of their own: the same ones again would tell nothing new. A `heavy`
    search moves torch stacks: it has a cache of its own, which large distributions leave once an environment is built.
    """

    def __init__(
        self,
        open_lab: Callable[[Settings], Lab],
        settings: Settings,
        *,
        footprint: Footprint,
        budget: float,
        heavy: bool,
        tell: Callable[[str], None],
    ) -> None:
        self._open = open_lab
        self._settings = settings
        self._footprint = footprint
        self._budget = budget
        self._heavy = heavy
        self._tell = tell
        self._labs: dict[int, Lab] = {}
        self._keep: dict[str, str] = {}
        self._need = _STACK_GB if heavy else 0.0

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        """As `Lab.run`, with room made before; a verdict that proves nothing comes as an error.

        Raises `HarnessError` where the disk has no room within the budget.
        """
        before = self._footprint.used
        if before + self._need > self._budget:
            self._keep = {}
            self.free(())
            before = self._footprint.used
            if before + self._need > self._budget:
                message = (
                    f"the next run needs about {self._need:.1f} GB, and {before:.1f} GB less of the disk is free than "
                    f"at the start, with every environment of the search removed: more than --disk {self._budget:.0f}; "
                    "free some of it or allow more, and search again: what has run is known and does not run again"
                )
                raise HarnessError(message)
        result = self._lab(attempt).run(request, changes, attempt=attempt)
        self._need = max(self._need, self._footprint.used - before)
        return admit(result)

    def free(self, keep: Collection[str]) -> int:
        """As `Lab.free`."""
        return self._lab(0).free(keep)

    def done(self, environment: str, run: BoundaryRun, lock: Lock | None) -> None:
        """Give back what is not needed again: all but the newest good and the newest bad environment."""
        if run.answer != "skip":
            self._keep[run.answer] = environment
        if not self._heavy:
            return
        if lock is not None and (names := lock.larger_than(LARGE_MB * 10**6)):
            cleaned = uv.command(["cache", "clean", "--quiet", *names], seconds=600)
            if (failed := uv.failure(cleaned)) is not None:
                self._tell(f"uv's cache keeps {', '.join(names)}: {failed.message}")
        self.free(tuple(self._keep.values()))
        self._tell(f"disk: {self._footprint.used:.1f} GB taken now, {self._footprint.peak:.1f} GB at most so far")

    def _lab(self, attempt: int) -> Lab:
        if attempt not in self._labs:
            probe = self._settings.probe
            seeded = replace(probe, seed=probe.seed + attempt * probe.trials)
            self._labs[attempt] = self._open(replace(self._settings, probe=seeded))
        return self._labs[attempt]
