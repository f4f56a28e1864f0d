"""One run of one candidate, and what a search has found of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from asrcompat.explain.remedies.candidates import Candidate
from asrcompat.explain.remedies.groups import CURABLE
from asrcompat.lab.change import Change
from asrcompat.model import Cell, EnvironmentResult, Outcome

Place = tuple[str, str]  # path, device

NO_VERDICT = (Outcome.ERROR, Outcome.UNAVAILABLE)
"""Outcomes that say nothing about what was changed."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One candidate's run: what came out at which place, with how many train-mode steps."""

    candidate: Candidate
    result: EnvironmentResult
    trials: int

    @property
    def seen(self) -> Mapping[Place, Cell]:
        """The cells by path and device."""
        return {place(cell): cell for cell in self.result.cells}


@dataclass(frozen=True, kw_only=True)
class Cured:
    """The smallest set that was found for a cell, and the parts that made no difference.

    `open` are parts that may make none either: the run without them gave no verdict.
    """

    trial: Trial
    needless: tuple[Change, ...] = ()
    open: tuple[Change, ...] = ()


@dataclass
class Found:
    """What a search found: the cells' cures, every trial, and whether it was ended before its end.

    `unstable` holds, for each place, the cells that were seen unstable there, as installed or with changes.
    """

    cured: dict[Place, Cured] = field(default_factory=dict)
    trials: dict[tuple[Change, ...], list[Trial]] = field(default_factory=dict)
    unstable: dict[Place, list[Cell]] = field(default_factory=dict)
    unfinished: bool = False

    def saw(self, cell: Cell) -> None:
        """Remember an unstable cell: what works there afterwards must be told from luck."""
        if cell.outcome is Outcome.UNSTABLE:
            self.unstable.setdefault(place(cell), []).append(cell)

    def outcomes(self, at: Place) -> list[Outcome]:
        """What came out at a place with each change that was tried on it."""
        trials = [trial for several in self.trials.values() for trial in several]
        return [trial.seen[at].outcome for trial in trials if at in trial.seen]

    def without_verdict(self, at: Place) -> int:
        """How many of the runs at a place said nothing about their change."""
        return sum(outcome in NO_VERDICT for outcome in self.outcomes(at))

    def looked_at(self, at: Place) -> bool:
        """Whether what this search says of a place takes the place of what an earlier one said.

        Not where the time was up, nor where a run gave no verdict: what was verified before then stands.
        """
        return at in self.cured or not (self.unfinished or self.without_verdict(at))

    def unsure(self, cells: Iterable[Cell]) -> list[Cell]:
        """All that was seen unstable where these cells stand."""
        return [seen for cell in cells for seen in self.unstable.get(place(cell), [])]


def place(cell: Cell) -> Place:
    """Where a cell stands in its environment."""
    return cell.path, cell.device.value


def climbed(seen: Cell, before: Cell, failure: Callable[[Cell], object]) -> bool:
    """Whether a cell that still fails fails further up, or as far up with another failure: the first one is gone."""
    if seen.outcome not in CURABLE or seen.failed is None:
        return False
    if before.failed is None or seen.failed.rung > before.failed.rung:
        return True
    return seen.failed is before.failed and failure(seen) != failure(before)
