"""Which of many changes breaks: the smallest set of them that still does, by delta debugging (Zeller's ddmin).

A set that cannot be tried (it does not resolve or install) is neither good nor bad, and is passed over.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from asrcompat.explain.bisection.search import Answer

_T = TypeVar("_T", bound=Hashable)


def smallest_breaking(changes: Sequence[_T], try_set: Callable[[Sequence[_T]], Answer]) -> tuple[_T, ...]:
    """A subset of `changes` that breaks and of which no single change can be left out without that it is seen.

    `try_set` answers `BAD` where a set of changes, applied together, breaks. All of them together are taken to break.
    Each set is tried once.
    """
    known: dict[frozenset[_T], Answer] = {}

    def breaks(subset: Sequence[_T]) -> bool:
        key = frozenset(subset)
        if key not in known:
            known[key] = try_set(subset)
        return known[key] is Answer.BAD

    kept = list(changes)
    parts = 2
    while len(kept) > 1:
        chunks = _split(kept, parts)
        smaller = next((chunk for chunk in chunks if breaks(chunk)), None)
        if smaller is not None:
            kept, parts = smaller, 2
            continue
        rests = ([one for one in kept if one not in chunk] for chunk in chunks)
        rest = next((rest for rest in rests if rest and breaks(rest)), None) if parts > 2 else None  # noqa: PLR2004
        if rest is not None:
            kept, parts = rest, max(parts - 1, 2)
        elif parts < len(kept):
            parts = min(len(kept), 2 * parts)
        else:
            break
    return tuple(kept)


def _split(values: Sequence[_T], parts: int) -> list[list[_T]]:
    """The values in `parts` runs of nearly equal length."""
    size, more = divmod(len(values), parts)
    ends = [number * size + min(number, more) for number in range(parts + 1)]
    return [list(values[start:end]) for start, end in itertools.pairwise(ends)]
