"""The space of a plan: axes with their values, less the combinations of values that cannot be, each with its reason.

Whether some values can be together at all is decided by search: values that nothing bans as a pair may still leave
another axis without a value. The values that are left of an axis are the bits of an integer, so that a ban is one
operation however many values it takes away.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import prod

Choice = tuple[str, str]
"""An axis and one of its values."""
Pair = tuple[Choice, Choice]
"""Values of two axes, in the order of the axes."""
Row = Mapping[str, str]
"""A value of every axis."""
Domains = Mapping[str, int]
"""What is left of every axis: bit n is its n-th value."""

_PAIR = 2


@dataclass(frozen=True, kw_only=True)
class Ban:
    """Values of one or more axes that cannot be together, and why."""

    choices: frozenset[Choice]
    reason: str

    def holds_for(self, row: Row) -> bool:
        """Whether a combination has all of them."""
        return all(row.get(axis) == value for axis, value in self.choices)


class Space:
    """Axes with their values, less what is banned; `bit` is the place of a value among its axis' bits.

    Raises `ValueError` for a ban of nothing, of a value that no axis has, or of two values of one axis.
    """

    def __init__(self, axes: Mapping[str, Sequence[str]], bans: Iterable[Ban] = ()) -> None:
        self.axes = {axis: tuple(values) for axis, values in axes.items()}
        self.bans: list[Ban] = []
        self.bit = {(axis, value): 1 << n for axis, values in self.axes.items() for n, value in enumerate(values)}
        self._open = {axis: (1 << len(values)) - 1 for axis, values in self.axes.items()}
        self._against: dict[Choice, dict[str, int]] = {}  # the values of other axes that a choice cannot be with
        self._wide: dict[Choice, list[frozenset[Choice]]] = {}  # the bans of three and more that a choice is in
        for ban in bans:
            self.ban(ban)

    def ban(self, ban: Ban) -> None:
        """Add a combination that cannot be."""
        choices = sorted(ban.choices)
        if not choices or len({axis for axis, _ in choices}) < len(choices) or not ban.choices <= self.bit.keys():
            message = f"not a combination of values of these axes: {choices}"
            raise ValueError(message)
        self.bans.append(ban)
        if len(choices) == 1:
            self._open[choices[0][0]] &= ~self.bit[choices[0]]
        elif len(choices) == _PAIR:
            for one, (axis, value) in (choices, reversed(choices)):
                against = self._against.setdefault(one, {})
                against[axis] = against.get(axis, 0) | self.bit[axis, value]
        else:
            for choice in choices:
                self._wide.setdefault(choice, []).append(ban.choices)

    @property
    def size(self) -> int:
        """How many combinations the axes have, the banned ones included."""
        return prod(map(len, self.axes.values()))

    def pairs(self) -> Iterator[Pair]:
        """Every pair of values of two axes, whether it can be or not."""
        for one, other in combinations(self.axes, _PAIR):
            for value, another in product(self.axes[one], self.axes[other]):
                yield (one, value), (other, another)

    def allows(self, row: Row) -> bool:
        """Whether nothing bans a combination, or a part of one."""
        return not any(ban.holds_for(row) for ban in self.bans)

    def completed(self, choices: Iterable[Choice]) -> Row | None:
        """A whole combination with these values; None where there is none."""
        domains = self.left(choices)
        found = None if domains is None else self.solved(domains)
        return None if found is None else {axis: self.values(axis, found[axis])[0] for axis in self.axes}

    def left(self, choices: Iterable[Choice], domains: Domains | None = None) -> Domains | None:
        """What is left of every axis beside these values, as far as single bans tell; None where one has nothing left.

        `domains` is where to begin, by default what no choice has narrowed.
        """
        after = dict(self._open if domains is None else domains)
        todo = list(choices)
        todo += [] if domains is not None else self._single(after, after)
        if not all(after.values()):
            return None
        while todo:
            choice = todo.pop()
            if not after[choice[0]] & self.bit[choice]:
                return None
            before = dict(after)
            after[choice[0]] = self.bit[choice]
            for axis, banned in self._against.get(choice, {}).items():
                after[axis] &= ~banned
            for several in self._wide.get(choice, ()):
                self._narrow(after, several)
            if not all(after.values()):
                return None
            changed = {axis: bits for axis, bits in after.items() if bits != before[axis] and axis != choice[0]}
            todo += self._single(changed, after)
        return after

    def values(self, axis: str, bits: int) -> tuple[str, ...]:
        """The values of an axis that these bits stand for."""
        return tuple(value for n, value in enumerate(self.axes[axis]) if bits >> n & 1)

    def _single(self, among: Domains, domains: Domains) -> list[Choice]:
        """The choices that are made by there being no other value left."""
        return [(axis, self.values(axis, domains[axis])[0]) for axis in among if domains[axis].bit_count() == 1]

    def _narrow(self, domains: dict[str, int], several: frozenset[Choice]) -> None:
        """Of a ban of three and more of which all but one are chosen, take the last one away."""
        unmade = [(axis, value) for axis, value in several if domains[axis] != self.bit[axis, value]]
        if not unmade:
            domains[next(iter(several))[0]] = 0
        elif len(unmade) == 1:
            domains[unmade[0][0]] &= ~self.bit[unmade[0]]

    def solved(self, domains: Domains) -> Domains | None:
        """`domains` with one value left of every axis; None where that cannot be."""
        undecided = [axis for axis, bits in domains.items() if bits.bit_count() > 1]
        if not undecided:
            return domains
        axis = min(undecided, key=lambda one: domains[one].bit_count())
        for value in self.values(axis, domains[axis]):
            narrowed = self.left([(axis, value)], domains)
            solved = None if narrowed is None else self.solved(narrowed)
            if solved is not None:
                return solved
        return None
