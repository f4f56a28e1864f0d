"""Which environments a profile covers its pairs with: the kept ones, then covering rows that a resolver accepts.

Rows are made some at a time and resolved together. What is refused takes its pairs back and bans what it failed by, and
more rows are made, until every pair is in an accepted row or was shown never to be in one. The rows are then put in the
order of what each adds, so that a budget takes the most valuable first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from asrcompat.plan.cover import Cover
from asrcompat.plan.refused import Refusal
from asrcompat.plan.space import Choice, Pair, Row, Space
from asrcompat.run.lock import Lock

_AT_ONCE = 8  # rows made before any of them is resolved: more would cover what a refusal is about to open again
_END_WEIGHT = 2  # of an axis' newest and oldest value

Judge = Callable[[Sequence[Row]], Sequence[Lock | Refusal]]


@dataclass(frozen=True, kw_only=True)
class ChosenRow:
    """A row with its lock, and the pairs that it has and none before it."""

    row: Row
    lock: Lock
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """`rows` are in the order of their value; what the kept ones have counts as before them.

    `impossible` are the pairs that no row can have, `refusals` what the resolver refused; pairs that are in neither are
    undecided: the resolver failed for a reason that says nothing of them.
    """

    rows: tuple[ChosenRow, ...]
    impossible: tuple[Pair, ...]
    undecided: tuple[Pair, ...]
    refusals: tuple[Refusal, ...]


def choose(space: Space, *, kept: Sequence[Row], first: Sequence[Row], judge: Judge, seed: int) -> Chosen:
    """Cover the pairs of `space`: beside the rows `kept`, which are planned already, and those to try `first`.

    `space` learns what is refused. What cannot be is found by search, never assumed.
    """
    weights = ends(space)
    cover = Cover(space, weights=weights, seed=seed)
    for row in kept:
        cover.take(row)
    accepted: list[tuple[Row, Lock]] = []
    refusals: list[Refusal] = []
    waiting = [row for row in first if space.allows(row)]
    while batch := waiting[:_AT_ONCE] or _batch(cover):
        waiting = [row for row in waiting[_AT_ONCE:] if space.allows(row)]
        taken = [cover.take(row) for row in batch]
        for row, pairs, found in zip(batch, taken, judge(batch), strict=True):
            if isinstance(found, Lock):
                accepted.append((row, found))
                continue
            cover.give_back(pairs)
            if found.ban.choices not in [one.choices for one in space.bans]:  # two rows of a batch may fail alike
                refusals.append(found)
                space.ban(found.ban)
    unsure = _undecided(space, cover.impossible, refusals)
    return Chosen(
        rows=tuple(_by_value(accepted, kept=kept, first=first, weights=weights)),
        impossible=tuple(pair for pair in cover.impossible if pair not in unsure),
        undecided=tuple(pair for pair in cover.impossible if pair in unsure),
        refusals=tuple(refusals),
    )


def ends(space: Space) -> dict[Choice, int]:
    """The weights of a plan: the oldest and the newest value of every axis count more than those between."""
    return {(axis, value): _END_WEIGHT for axis, values in space.axes.items() for value in (values[0], values[-1])}


def _batch(cover: Cover) -> list[Row]:
    """Some rows, as if all of them were accepted."""
    rows: list[Row] = []
    taken: list[Pair] = []
    while len(rows) < _AT_ONCE and (row := cover.next()) is not None:
        taken += cover.take(row)
        rows.append(row)
    cover.give_back(taken)
    return rows


def _undecided(space: Space, impossible: Sequence[Pair], refusals: Sequence[Refusal]) -> frozenset[Pair]:
    """Of the pairs without a row those that might have one if the resolver's errors were none."""
    errors = [one.ban for one in refusals if one.kind == "error"]
    if not errors:
        return frozenset()
    without = Space(space.axes, [ban for ban in space.bans if ban not in errors])
    return frozenset(pair for pair in impossible if without.completed(pair) is not None)


def _by_value(
    rows: Sequence[tuple[Row, Lock]], *, kept: Sequence[Row], first: Sequence[Row], weights: Mapping[Choice, int]
) -> list[ChosenRow]:
    """The rows to try first as they are, then always the one that adds most; one that adds nothing is left out."""
    seen = {pair for row in kept for pair in pairs_of(row)}
    left = list(rows)
    ordered: list[ChosenRow] = []

    def worth(one: tuple[Row, Lock]) -> int:
        row, _ = one
        return sum(weights.get(a, 1) * weights.get(b, 1) for a, b in pairs_of(row) if (a, b) not in seen)

    while left:
        ahead = [one for one in left if one[0] in first]
        best = ahead[0] if ahead else max(left, key=worth)
        row, lock = best
        added = tuple(pair for pair in pairs_of(row) if pair not in seen)
        if not (added or ahead):
            break
        ordered.append(ChosenRow(row=row, lock=lock, pairs=added))
        seen.update(added)
        left.remove(best)
    return ordered


def pairs_of(row: Row) -> list[Pair]:
    """The pairs of values that a row has."""
    return list(combinations(row.items(), 2))
