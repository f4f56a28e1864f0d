"""How large and how fast covering plans are, beside allpairspy's: the same axes for both, each alone on the machine.

Three classical cases without constraints; and a million combinations of which a fifth of all pairs is banned, which
allpairspy is not asked for: with a filter it misses pairs.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import combinations, product

from allpairspy import AllPairs

from asrcompat.plan.cover import Cover
from asrcompat.plan.space import Ban, Row, Space

_BANNED = 0.2
_RUNS = 3


def cover(space: Space) -> list[Row]:
    """A whole plan."""
    plan = Cover(space, seed=23)
    rows = []
    while (row := plan.next()) is not None:
        plan.take(row)
        rows.append(row)
    return rows


def axes(sizes: Sequence[int]) -> dict[str, list[str]]:
    """Axes with so many values."""
    return {f"axis{n}": [str(value) for value in range(size)] for n, size in enumerate(sizes)}


def ours(case: dict[str, list[str]]) -> int:
    """The size of our plan."""
    return len(cover(Space(case)))


def theirs(case: dict[str, list[str]]) -> int:
    """The size of allpairspy's."""
    return len(list(AllPairs(list(case.values()))))


def banned(space: dict[str, list[str]]) -> list[Ban]:
    """A fifth of all pairs, the same ones every time."""
    chance = random.Random(23)
    pairs = (
        ((one, value), (other, another))
        for one, other in combinations(space, 2)
        for value, another in product(space[one], space[other])
    )
    return [Ban(choices=frozenset(pair), reason="no") for pair in pairs if chance.random() < _BANNED]


def told(name: str, make: Callable[[], int]) -> None:
    """The size, and the best of some runs."""
    seconds = []
    for _ in range(_RUNS):
        started = time.perf_counter()
        size = make()
        seconds.append(time.perf_counter() - started)
    print(f"{name:34} {size:5} rows {min(seconds):8.2f} s")


def main() -> None:
    """Print the table."""
    for name, sizes in (("3^4", [3] * 4), ("3^13", [3] * 13), ("10^6", [10] * 6)):
        case = axes(sizes)
        told(f"{name}, asrcompat", partial(ours, case))
        told(f"{name}, allpairspy", partial(theirs, case))
    space = axes([10] * 6)
    told("10^6 with constraints, asrcompat", lambda: len(cover(Space(space, banned(space)))))


if __name__ == "__main__":
    main()
