"""What a plan covers, counted from its rows alone: nothing here knows how they were chosen."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

from asrcompat.plan.document import Plan
from asrcompat.plan.space import Pair, Row


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The pairs of two axes' values: `all` that can be written, and which of them can be, cannot be, are planned."""

    all: int
    feasible: tuple[Pair, ...]
    impossible: tuple[Pair, ...]
    undecided: tuple[Pair, ...]
    covered: tuple[Pair, ...]

    @property
    def uncovered(self) -> tuple[Pair, ...]:
        """Those that can be, or may be, and no planned environment has."""
        covered = set(self.covered)
        return tuple(pair for pair in self.feasible if pair not in covered)

    @property
    def share(self) -> float:
        """Of the feasible pairs those that are planned."""
        return len(self.covered) / len(self.feasible) if self.feasible else 1.0


def coverage_of(plan: Plan) -> Coverage:
    """Count a plan's pairs."""
    pairs: list[Pair] = [
        ((one, value), (other, another))
        for one, other in combinations(plan.axes, 2)
        for value, another in product(plan.axes[one], plan.axes[other])
    ]
    rows = [one.row for one in plan.rows if one.row is not None and one.lock_sha256 is not None]
    covered = [pair for pair in pairs if any(has(row, pair) for row in rows)]
    impossible = {one.pair for one in plan.impossible} - set(covered)
    undecided = set(plan.undecided) - set(covered)
    return Coverage(
        all=len(pairs),
        feasible=tuple(pair for pair in pairs if pair not in impossible and pair not in undecided),
        impossible=tuple(pair for pair in pairs if pair in impossible),
        undecided=tuple(pair for pair in pairs if pair in undecided),
        covered=tuple(covered),
    )


def has(row: Row, pair: Pair) -> bool:
    """Whether a row has both values of a pair."""
    return all(row[axis] == value for axis, value in pair)
