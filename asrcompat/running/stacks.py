"""A run's disk: what of other torch stacks has to go before the next one comes.

Where all stacks fit, nothing goes, and the installer's cache is everyone's. Where they do not, the run has a cache of
its own: a cache that others use is not emptied under them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from asrcompat.model import EnvironmentResult, Outcome
from asrcompat.run.fetched import Fetched
from asrcompat.run.footprint import STACK_GB, Footprint, cache_of_its_own, held
from asrcompat.run.hold import alone
from asrcompat.run.lock import Lock

# What one more Python of a torch takes: torch and triton have files of their own for it (2.2 GB unpacked for torch
# 2.6.0), and the CUDA libraries do not.
PYTHON_GB = 2.5
_SPARE_GB = 3.0  # of a disk is left to others
_FULL = re.compile(r"No space left on device|Disk quota exceeded", re.IGNORECASE)


class Stacks:
    """The environments of a run under ``<work>/envs``, within `budget` GB; None where all stacks fit."""

    def __init__(self, work: Path, budget: float | None, footprint: Footprint, tell: Callable[[str], None]) -> None:
        self._envs = work / "envs"
        self._budget = budget
        self._footprint = footprint
        self._tell = tell
        self._fetched = Fetched(tell)
        self._largest = STACK_GB
        self._before = 0.0

    @property
    def tight(self) -> bool:
        """Whether stacks have to make room for one another."""
        return self._budget is not None

    def begin(self, names: Collection[str], locks: Sequence[Lock]) -> None:
        """Make room for a stack of these environments, of which these locks are known."""
        if self._budget is None:
            return
        if self._footprint.used + self._largest > self._budget:
            self.make_room(names)
        self._before = self._footprint.used
        if self._before + self._largest > self._budget:
            self._tell(
                f"disk: the next stack takes about {self._largest:.1f} GB, and {self._before:.1f} of "
                f"{self._budget:.0f} GB are held by what this run cannot give back; it is tried all the same"
            )
        for lock in locks:
            self._fetched.add(lock)

    def end(self) -> None:
        """The stack is done: what it took tells what the next one may."""
        if self._budget is not None:
            self._largest = max(self._largest, self._footprint.used - self._before)
            self._tell(f"disk: {self._footprint.used:.1f} of {self._budget:.0f} GB, {self._footprint.peak:.1f} at most")

    def make_room(self, keep: Collection[str]) -> None:
        """Remove all environments but these, of earlier runs too, and what was fetched where the cache is our own."""
        gone = [one for one in self._envs.glob("*") if one.name not in keep]
        if gone:
            self._tell(f"disk: {len(gone)} environments make room")
        for home in gone:
            with alone(home, self._tell):  # not under somebody who probes it
                shutil.rmtree(home, ignore_errors=True)
        if self._budget is not None:
            self._fetched.clean()


@contextmanager
def stacks(work: Path, *, asked: int | None, need: float, tell: Callable[[str], None]) -> Iterator[Stacks]:
    """The disk of a run that needs about so many GB besides, within those `asked` for, else within what is free."""
    work.mkdir(parents=True, exist_ok=True)
    budget = float(asked) if asked is not None else _free(work, need)
    with Footprint(work) as footprint, cache_of_its_own(None if budget is None else work / "uv-cache"):
        if budget is not None:
            tell(f"disk: {budget:.0f} GB, and new torch stacks would take about {need:.0f} GB: one after the other")
        yield Stacks(work, budget, footprint, tell)


def _free(work: Path, need: float) -> float | None:
    """What is free and what is held here already, as the budget of a run that may need more; None where all fit."""
    free = psutil.disk_usage(str(work)).free / 1e9 - _SPARE_GB
    return None if free > need else max(free, 0.0) + held(work) / 1e9


def filled_the_disk(result: EnvironmentResult | None) -> bool:
    """Whether an environment's result is an error for want of room."""
    return result is not None and any(
        cell.outcome is Outcome.ERROR and _FULL.search(cell.message) is not None for cell in result.cells
    )
