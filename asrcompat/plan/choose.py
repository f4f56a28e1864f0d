"""Which environments a profile covers its pairs with: the kept ones, then covering rows that a resolver accepts.

Rows are made some at a time and resolved together. What is refused takes its pairs back and bans what it failed by, and
more rows are made, until every pair is in an accepted row or was shown never to be in one. The rows are then put in the
order of what each adds, so that a budget takes the most valuable first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from asrcompat.errors import HarnessError
from asrcompat.plan.cover import Cover
from asrcompat.plan.document import FORBIDDING
from asrcompat.plan.refused import Refusal, widened
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

    `impossible` are the pairs that no row can have, `refusals` what was refused; `undecided` pairs have no row for
    reasons that say nothing of the packages.
    """

    rows: tuple[ChosenRow, ...]
    impossible: tuple[Pair, ...]
    undecided: tuple[Pair, ...]
    refusals: tuple[Refusal, ...]


def choose(space: Space, *, kept: Sequence[Row], first: Sequence[Row], judge: Judge, seed: int) -> Chosen:
    """Cover the pairs of `space`: beside the rows `kept`, which are planned already, and those to try `first`.

    `space` learns what is refused. What cannot be is found by search, never assumed. Raises `HarnessError` where the
    resolver fails again and again.
    """
    weights = ends(space)
    cover = Cover(space, weights=weights, seed=seed)
    for row in kept:
        cover.take(row)
    accepted: list[tuple[Row, Lock]] = []
    refusals: list[Refusal] = []
    asked: list[Lock | Refusal] = []
    waiting = [row for row in first if space.allows(row)]
    while batch := waiting[:_AT_ONCE] or _batch(cover):
        waiting = waiting[_AT_ONCE:]
        verdicts = judge(batch)
        asked += verdicts
        _stop_where_nothing_is_known(asked)
        found = list(zip(batch, verdicts, strict=True))
        accepted += [(row, verdict) for row, verdict in found if isinstance(verdict, Lock)]
        for row, verdict in found:
            if isinstance(verdict, Lock):
                cover.take(row)
        had = [*kept, *(row for row, _ in accepted)]
        for row, verdict in found:
            if isinstance(verdict, Refusal):
                # nothing that some row was seen to have is forbidden, whatever was narrowed down
                refusal = widened(verdict, row) if any(map(verdict.ban.holds_for, had)) else verdict
                if refusal.ban.choices not in [one.choices for one in space.bans]:  # two of a batch may fail alike
                    refusals.append(refusal)
                    space.ban(refusal.ban)
        waiting = [row for row in waiting if space.allows(row)]
    proven = proven_space(space, refusals)
    lost = {pair: proven.completed(pair) is None for pair in cover.impossible}
    return Chosen(
        rows=tuple(_by_value(accepted, kept=kept, first=first, weights=weights)),
        impossible=tuple(pair for pair, impossible in lost.items() if impossible),
        undecided=tuple(pair for pair, impossible in lost.items() if not impossible),
        refusals=tuple(refusals),
    )


def proven_space(space: Space, refusals: Sequence[Refusal]) -> Space:
    """The space without what says nothing of the packages."""
    unproven = [one.ban for one in refusals if one.kind not in FORBIDDING]
    return Space(space.axes, [ban for ban in space.bans if ban not in unproven])


def _stop_where_nothing_is_known(verdicts: Sequence[Lock | Refusal]) -> None:
    """Raise `HarnessError` where the resolver failed for all of the last ones: it would for all others, one by one."""
    last = verdicts[-_AT_ONCE:]
    errors = [one for one in last if isinstance(one, Refusal) and one.kind == "error"]
    if len(errors) == _AT_ONCE:
        message = f"no plan: the resolver failed {_AT_ONCE} times in a row; first: {errors[0].ban.reason}"
        raise HarnessError(message)


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
