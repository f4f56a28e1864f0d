"""Which stacks a search gives back on the way, so that it takes no more of the disk than it may.

A torch stack is about 5 GB, and uv's cache holds what environments link to: an environment that is removed gives
nothing back while its files are in the cache. A search along torch so has a cache of its own, from which the large
distributions go as soon as their environment is built: a cache that others use is not emptied under them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from asrcompat.bisecting.footprint import Footprint
from asrcompat.bisecting.places import Places
from asrcompat.errors import HarnessError
from asrcompat.explain.bisection.along import Lab
from asrcompat.lab.change import Change
from asrcompat.model import BoundaryRun, EnvironmentResult
from asrcompat.report.admit import admit
from asrcompat.run import uv
from asrcompat.run.cells import Settings
from asrcompat.run.session import Locked
from asrcompat.spec import Request

_STACK_GB = 6.0  # what a torch stack takes while it is installed, before one was measured
LARGE_MB = 40  # a distribution that is worth fetching again rather than keeping


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What an environment was made of, so that it can be run again."""

    request: Request
    changes: tuple[Change, ...]
    source: Locked | None


class Tidy:
    """Laboratories, one for each attempt, that take no more of the disk than `budget` GB at a time.

    Each attempt's train-mode steps have seeds of their own: the same ones again would tell nothing new. A `heavy`
    search moves torch stacks: it has a cache of its own, which large distributions leave once an environment is built.
    With `ahead`, an environment that has to go is run a second time before it does: the search may ask for that later,
    and a run is cheaper than an installation. `installs` counts the environments that were built.
    """

    def __init__(
        self,
        open_lab: Callable[[Settings], Lab],
        settings: Settings,
        *,
        places: Places,
        footprint: Footprint,
        budget: float,
        heavy: bool,
        ahead: bool,
        tell: Callable[[str], None],
    ) -> None:
        self._open = open_lab
        self._settings = settings
        self._places = places
        self._footprint = footprint
        self._budget = budget
        self._heavy = heavy
        self._ahead = ahead
        self._tell = tell
        self._labs: dict[int, Lab] = {}
        self._runs: dict[str, _Run] = {}
        self._results: dict[tuple[tuple[Change, ...], int], EnvironmentResult] = {}
        self._keep: dict[str, str] = {}
        self._fetched: set[str] = set()
        self._measured: float | None = None
        self.installs = 0

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        """As `Lab.run`, with room made before; a verdict that proves nothing comes as an error.

        Raises `HarnessError` where the disk has no room within the budget.
        """
        if (changes, attempt) not in self._results:
            self._results[changes, attempt] = self._run(_Run(request=request, changes=changes, source=None), attempt)
        return self._results[changes, attempt]

    def free(self, keep: Collection[str]) -> int:
        """As `Lab.free`."""
        return self._lab(0).free(keep)

    def done(self, environment: str, run: BoundaryRun) -> None:
        """Give back what is not needed again: all but the newest good and the newest bad environment."""
        if run.answer != "skip":
            self._keep.pop(run.answer, None)
            self._keep[run.answer] = environment  # the newest last
        if not self._heavy:
            return
        self._clean()
        self.free(tuple(self._keep.values()))
        self._tell(f"disk: {self._footprint.used:.1f} GB taken now, {self._footprint.peak:.1f} GB at most so far")

    def close(self) -> None:
        """Give back all that a heavy search has built and fetched, however it ends."""
        if not self._heavy:
            return
        self._clean()
        self.free(())
        self._tell(f"disk: the search's environments are removed, {self._footprint.used:.1f} GB are left in its cache")

    def _run(self, one: _Run, attempt: int) -> EnvironmentResult:
        source = self._places.locked(one.request, one.changes)
        lab = self._lab(attempt)
        builds = (
            source is not None
            and not self._places.there(source)
            and lab.remembered(one.request, one.changes, attempt=attempt) is None
        )
        if builds:
            self._make_room()
            if source is not None and self._heavy:
                self._fetched |= set(source.lock.larger_than(LARGE_MB * 10**6))
        before = self._footprint.used
        result = admit(lab.run(one.request, one.changes, attempt=attempt))
        self._runs[result.environment.id] = replace(one, source=source)
        if builds and source is not None and self._places.there(source):
            self.installs += 1
            self._measured = max(self._measured or 0.0, self._footprint.used - before)
        return result

    def _make_room(self) -> None:
        """Remove what is needed least until the next environment fits."""
        if self._fits():
            return
        self.free(tuple(self._keep.values()))
        for environment in self._victims():
            if self._fits():
                return
            gone = self._runs[environment]
            if self._ahead:
                self._tell(f"disk: {environment} has to go; it is run a second time before")
                self.run(gone.request, gone.changes, attempt=1)
            self._keep = {answer: kept for answer, kept in self._keep.items() if kept != environment}
            self.free(tuple(self._keep.values()))
        if not self._fits():
            used = self._footprint.used
            message = (
                f"the next installation needs about {self._need:.1f} GB, and the laboratory's folder and cache hold "
                f"{used:.1f} GB with every environment of the search removed: more than --disk {self._budget:.0f}; "
                "remove some of it or allow more, and search again: what has run is known and does not run again"
            )
            raise HarnessError(message)

    def _victims(self) -> list[str]:
        """What may go: first one whose second run is known, then the one that has been there longer."""
        kept = [
            environment
            for environment in self._keep.values()
            if (source := self._runs[environment].source) is not None and self._places.in_lab(source)
        ]
        return sorted(kept, key=lambda environment: (self._runs[environment].changes, 1) not in self._results)

    def _fits(self) -> bool:
        return self._footprint.used + self._need <= self._budget

    @property
    def _need(self) -> float:
        """What an installation takes in GB: what the largest one took, or about that much before there was one."""
        if self._measured is not None:
            return self._measured
        return _STACK_GB if self._heavy else 0.0

    def _clean(self) -> None:
        """Take large distributions from the search's own cache."""
        names, self._fetched = sorted(self._fetched), set()
        if not names:
            return
        cleaned = uv.command(["cache", "clean", "--quiet", *names], seconds=600)
        if (failed := uv.failure(cleaned)) is not None:
            self._tell(f"uv's cache keeps {', '.join(names)}: {failed.message}")

    def _lab(self, attempt: int) -> Lab:
        if attempt not in self._labs:
            probe = self._settings.probe
            seeded = replace(probe, seed=probe.seed + attempt * probe.trials)
            self._labs[attempt] = self._open(replace(self._settings, probe=seeded))
        return self._labs[attempt]
