"""A covering array, row by row: each takes in as many pairs that no row has yet as can be found.

Greedy after Cohen, Dalal, Fredman and Patton, "The AETG System" (IEEE Transactions on Software Engineering 23(7),
1997): of several candidates, each grown axis by axis from a pair that is still open, the one that covers most is taken.
What is banned is looked ahead for at every step, so that a candidate never ends where nothing fits. Rows come the most
valuable first, and one at a time: a plan may stop at its budget, or ban what a resolver refused and go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from random import Random

from asrcompat.plan.space import Choice, Domains, Pair, Row, Space

_CANDIDATES = 12  # more make an array of 10 values on 6 axes 1 % smaller, at as many times the work


class Cover:
    """The pairs of a space that no row has yet, and the rows that take them in.

    `weights` say how much a value is worth, 1 where it is not named: a pair is worth their product. The same space,
    weights and seed give the same rows. `impossible` are the pairs that were found never to fit into a row.
    """

    def __init__(self, space: Space, *, weights: Mapping[Choice, int] | None = None, seed: int = 0) -> None:
        self._space = space
        self._random = Random(seed)
        self._weight = {choice: (weights or {}).get(choice, 1) for choice in space.bit}
        # by choice and other axis, as bits: the values with which no row has it
        self._open: dict[Choice, dict[str, int]] = {choice: {} for choice in space.bit}
        self.impossible: list[Pair] = []
        for one, other in space.pairs():
            for choice, (axis, value) in ((one, other), (other, one)):
                self._open[choice][axis] = self._open[choice].get(axis, 0) | space.bit[axis, value]

    def take(self, row: Row) -> list[Pair]:
        """Count a row's pairs as covered; those that no row had before."""
        taken = [pair for pair in combinations(self._choices(row), 2) if self._is_open(*pair)]
        for one, other in taken:
            self._close(one, other)
        return taken

    def give_back(self, pairs: Iterable[Pair]) -> None:
        """Count pairs as open again: of a row that was taken, and then refused."""
        for one, other in pairs:
            self._open[one][other[0]] |= self._space.bit[other]
            self._open[other][one[0]] |= self._space.bit[one]

    def next(self) -> Row | None:
        """The row that takes in most of what is open; None where all that can be is covered. Nothing is counted yet."""
        candidates = []
        for _ in range(_CANDIDATES):
            begun = self._begin()
            if begun is None:
                break
            candidates.append(self._grown(*begun))
        return max(candidates, key=self.worth, default=None)

    def worth(self, row: Row) -> int:
        """What a row would take in."""
        pairs = combinations(self._choices(row), 2)
        return sum(self._weight[one] * self._weight[other] for one, other in pairs if self._is_open(one, other))

    def _begin(self) -> tuple[list[Choice], Domains] | None:
        """A pair that no row has yet and that can be, of the choice that most is open of; None where none is left."""
        while any(self._worth_of(choice) for choice in self._open):
            choice = max(self._open, key=lambda one: (self._worth_of(one), self._random.random()))
            axis = self._random.choice([axis for axis, bits in self._open[choice].items() if bits])
            domains = self._space.left([choice])
            for partner in self._ranked(axis, [choice], self._open[choice][axis]):
                together = None if domains is None else self._space.left([partner], domains)
                if together is not None and self._space.solved(together) is not None:
                    return [choice, partner], together
                self._close(choice, partner)
                self.impossible.append(self._in_order(choice, partner))
        return None

    def _grown(self, choices: list[Choice], domains: Domains) -> Row:
        """A whole row from a pair, axis by axis: of each the value that takes in most and leaves a way on."""
        rest = [axis for axis in self._space.axes if axis not in dict(choices)]
        self._random.shuffle(rest)
        for axis in rest:
            for choice in self._ranked(axis, choices, domains[axis]):
                narrowed = self._space.left([choice], domains)
                if narrowed is not None and self._space.solved(narrowed) is not None:
                    choices, domains = [*choices, choice], narrowed
                    break
        return {axis: dict(choices)[axis] for axis in self._space.axes}

    def _ranked(self, axis: str, choices: list[Choice], bits: int) -> list[Choice]:
        """An axis' values among these, that which takes in most beside `choices` first."""

        def rank(choice: Choice) -> tuple[int, int, float]:
            gain = sum(self._weight[one] for one in choices if self._is_open(one, choice))
            return -gain * self._weight[choice], -self._weight[choice], self._random.random()

        return sorted(((axis, value) for value in self._space.values(axis, bits)), key=rank)

    def _worth_of(self, choice: Choice) -> int:
        return self._weight[choice] * sum(bits.bit_count() for bits in self._open[choice].values())

    def _is_open(self, one: Choice, other: Choice) -> bool:
        return bool(self._open[one].get(other[0], 0) & self._space.bit[other])

    def _close(self, one: Choice, other: Choice) -> None:
        self._open[one][other[0]] &= ~self._space.bit[other]
        self._open[other][one[0]] &= ~self._space.bit[one]

    def _choices(self, row: Row) -> list[Choice]:
        return [(axis, row[axis]) for axis in self._space.axes]

    def _in_order(self, one: Choice, other: Choice) -> Pair:
        axes = list(self._space.axes)
        return (one, other) if axes.index(one[0]) < axes.index(other[0]) else (other, one)
