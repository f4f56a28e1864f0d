"""Which stacks a search gives back on the way, so that it takes no more of the disk than it may.

A torch stack is about 5 GB, and uv's cache holds what environments link to: an environment that is removed gives
nothing back while its files are in the cache. A search along torch so has a cache of its own, from which the large
distributions go as soon as their environment is built: a cache that others use is not emptied under them. What others
have built in the laboratory stays, unless there is no other way to make room.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from asrcompat.bisecting.attempts import Attempts
from asrcompat.bisecting.places import Places
from asrcompat.errors import HarnessError
from asrcompat.explain.bisection.along import Lab
from asrcompat.lab.change import Change
from asrcompat.model import BoundaryRun, EnvironmentResult
from asrcompat.run.cells import Settings
from asrcompat.run.fetched import Fetched
from asrcompat.run.footprint import STACK_GB, Footprint
from asrcompat.run.lock import Lock
from asrcompat.run.session import Locked
from asrcompat.spec import Request


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What an environment was made of, so that it can be run again."""

    request: Request
    changes: tuple[Change, ...]
    source: Locked | None


class Tidy:
    """A laboratory that takes no more of the disk than `budget` GB at a time.

    A `heavy` search moves torch stacks: it has a cache of its own, which large distributions leave once an environment
    is built. With `ahead`, an environment that has to go is run a second time before it does: the search may ask for
    that later, and a run is cheaper than an installation. With `returns`, the search comes back to the environment
    without changes: that one is run a second time before it goes, though there be room. `installs` counts the
    environments that were built.
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
        returns: bool,
        tell: Callable[[str], None],
    ) -> None:
        self._attempts = Attempts(open_lab, settings)
        self._places = places
        self._footprint = footprint
        self._budget = budget
        self._heavy = heavy
        self._ahead = ahead
        self._returns = returns
        self._tell = tell
        self._runs: dict[str, _Run] = {}
        self._made: set[str] = set()  # what was not in the laboratory before
        self._keep: dict[str, str] = {}
        self._fetched = Fetched(tell)
        self._measured: float | None = None
        self.installs = 0

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        """As `Attempts.run`, with room made before; each attempt is made once.

        Raises `HarnessError` where the disk has no room within the budget.
        """
        known = self._attempts.known(changes, attempt)
        return known or self._run(_Run(request=request, changes=changes, source=None), attempt)

    def lock(self, request: Request, changes: tuple[Change, ...]) -> Lock | None:
        """What the runs with these changes were made of; None where that cannot be told."""
        source = self._places.of(request, changes).source
        return None if source is None or source.lock.sha256 != self._attempts.lock_sha256(changes) else source.lock

    def done(self, environment: str, run: BoundaryRun) -> None:
        """Give back what is not needed again: all but the newest good and the newest bad environment."""
        if run.answer != "skip":
            self._keep.pop(run.answer, None)
            self._keep[run.answer] = environment  # the newest last
        if not self._heavy:
            return
        self._fetched.clean()
        self._return_first(lambda name: name in self._made and name not in self._keep.values())
        self._free()
        self._tell(f"disk: {self._footprint.used:.1f} GB taken now, {self._footprint.peak:.1f} GB at most so far")

    def close(self) -> None:
        """Give back all that a heavy search has built and fetched, however it ends."""
        if not self._heavy:
            return
        self._fetched.clean()
        self._keep = {}
        self._free()
        self._tell(f"disk: the search's environments are removed, {self._footprint.used:.1f} GB are left in its cache")

    def _run(self, one: _Run, attempt: int) -> EnvironmentResult:
        place = self._places.of(one.request, one.changes)
        source = place.source
        lab = self._attempts.lab(attempt)
        probes = source is not None and lab.remembered(one.request, one.changes, attempt=attempt) is None
        builds = probes and source is not None and not self._places.there(source)
        if builds and source is not None:
            self._make_room()
            if self._heavy:
                self._fetched.add(source.lock)
        if probes and place.name not in lab.users():  # before it runs: a run that is stopped leaves half of it there
            self._made.add(place.name)
        before = self._footprint.used
        result = self._attempts.run(one.request, one.changes, attempt)
        self._runs[result.environment.id] = replace(one, source=source)
        if builds and source is not None and self._places.there(source):
            self.installs += 1
            self._measured = max(self._measured or 0.0, self._footprint.used - before)
        return result

    def _make_room(self) -> None:
        """Remove what is needed least until the next environment fits: what others have built comes last."""
        if self._fits():
            return
        self._free()
        for environment in self._victims():
            if self._fits():
                return
            if self._ahead:
                self._run_ahead(environment)
            self._keep = {answer: kept for answer, kept in self._keep.items() if kept != environment}
            self._free()
        if not self._fits() and (others := self._others()):
            self._return_first(lambda _: True)
            self._tell(f"disk: no room else, so what others have built in the laboratory goes: {', '.join(others)}")
            self._attempts.lab().free(())
        if not self._fits():
            used = self._footprint.used
            message = (
                f"the next installation needs about {self._need:.1f} GB, and the laboratory's folder and cache hold "
                f"{used:.1f} GB with every environment there removed: more than --disk {self._budget:.0f}; "
                "remove some of it or allow more, and search again: what has run is known and does not run again"
            )
            raise HarnessError(message)

    def _run_ahead(self, environment: str) -> None:
        """Run an environment that has to go a second time while it is there."""
        gone = self._runs[environment]
        if self._attempts.known(gone.changes, 1) is None:
            self._tell(f"disk: {environment} has to go; it is run a second time before")
            self.run(gone.request, gone.changes, attempt=1)

    def _return_first(self, goes: Callable[[str], bool]) -> None:
        """Run what the search returns to a second time, where it is there and goes."""
        if not self._returns:
            return
        for name, one in list(self._runs.items()):
            if not one.changes and one.source is not None and self._places.in_lab(one.source) and goes(name):
                self._run_ahead(name)

    def _free(self) -> None:
        """Remove what the search has made and needs no more."""
        self._attempts.lab().free((*self._keep.values(), *self._others()))

    def _others(self) -> list[str]:
        """What is in the laboratory and was not made by this search."""
        return sorted(self._attempts.lab().users() - self._made)

    def _victims(self) -> list[str]:
        """What may go: first one whose second run is known, then the one that has been there longer."""
        kept = [
            environment
            for environment in self._keep.values()
            if (source := self._runs[environment].source) is not None and self._places.in_lab(source)
        ]
        return sorted(kept, key=lambda name: self._attempts.known(self._runs[name].changes, 1) is None)

    def _fits(self) -> bool:
        return self._footprint.used + self._need <= self._budget

    @property
    def _need(self) -> float:
        """What an installation takes in GB: what the largest one took, or about that much before there was one."""
        if self._measured is not None:
            return self._measured
        return STACK_GB if self._heavy else 0.0
