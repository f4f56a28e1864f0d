"""A plan against a resolver that refuses: what is covered, what is shown to be impossible, what stays undecided."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cover import every_row, pairs_in, spaces

from asrcompat.errors import HarnessError
from asrcompat.plan.choose import Chosen, choose
from asrcompat.plan.refused import Refusal
from asrcompat.plan.space import Ban, Row, Space
from asrcompat.run.lock import Lock

LOCK = Lock("")


class Resolver:
    """Refuses what has any of these combinations, and says so as the real one does: by the smallest part."""

    def __init__(self, refused: Sequence[Ban], *, errors: Sequence[Ban] = ()) -> None:
        self.refused = refused
        self.errors = errors
        self.asked: list[Row] = []

    def __call__(self, rows: Sequence[Row]) -> list[Lock | Refusal]:
        self.asked += rows
        return [self._one(row) for row in rows]

    def _one(self, row: Row) -> Lock | Refusal:
        for ban in self.refused:
            if ban.holds_for(row):
                return Refusal(ban=ban, kind="conflict")
        if any(ban.holds_for(row) for ban in self.errors):
            return Refusal(ban=Ban(choices=frozenset(row.items()), reason="no compiler"), kind="not here")
        return LOCK


def chosen(
    space: Space, judge: Resolver, *, kept: Sequence[Row] = (), first: Sequence[Row] = (), seed: int = 0
) -> Chosen:
    return choose(space, kept=kept, first=first, judge=judge, seed=seed)


def rows_of(plan: Chosen) -> list[Row]:
    return [one.row for one in plan.rows]


def drawn_bans(data: st.DataObject, space: Space) -> list[Ban]:
    """What a resolver would refuse: parts of some rows."""
    rows = every_row(space)
    if not rows:
        return []
    bans = []
    for row in data.draw(st.lists(st.sampled_from(rows), max_size=4)):
        names = data.draw(st.lists(st.sampled_from(list(row)), min_size=1, max_size=3, unique=True))
        bans.append(Ban(choices=frozenset((name, row[name]) for name in names), reason="they clash"))
    return bans


@settings(max_examples=100, deadline=None)
@given(spaces(), st.data(), st.integers(0, 2))
def test_every_pair_that_a_resolver_allows_is_planned_and_no_other_row(
    space: Space, data: st.DataObject, seed: int
) -> None:
    refused = drawn_bans(data, space)
    truth = every_row(Space(space.axes, [*space.bans, *refused]))
    plan = chosen(space, Resolver(refused), seed=seed)
    assert all(row in truth for row in rows_of(plan))
    assert pairs_in(rows_of(plan)) == pairs_in(truth)
    assert set(plan.impossible) == set(space.pairs()) - pairs_in(truth)
    assert plan.undecided == ()


@settings(max_examples=60, deadline=None)
@given(spaces(), st.data())
def test_what_fails_for_no_reason_of_the_packages_is_undecided_and_not_impossible(
    space: Space, data: st.DataObject
) -> None:
    before = every_row(space)
    errors = drawn_bans(data, space)
    plan = chosen(space, Resolver([], errors=errors))
    assert set(plan.impossible) == set(space.pairs()) - pairs_in(before)
    assert set(plan.undecided) == pairs_in(before) - pairs_in(rows_of(plan))


@settings(max_examples=40, deadline=None)
@given(spaces(), st.data(), st.integers(0, 2))
def test_the_same_input_and_seed_give_the_same_plan(space: Space, data: st.DataObject, seed: int) -> None:
    refused = drawn_bans(data, space)
    again = Space(space.axes, space.bans)
    assert chosen(space, Resolver(refused), seed=seed) == chosen(again, Resolver(refused), seed=seed)


@settings(max_examples=60, deadline=None)
@given(spaces(), st.data())
def test_adding_a_value_never_loses_coverage(space: Space, data: st.DataObject) -> None:
    refused = drawn_bans(data, space)
    axis = data.draw(st.sampled_from(list(space.axes)))
    more = Space({**space.axes, axis: [*space.axes[axis], "another"]}, space.bans)
    fewer_pairs = pairs_in(rows_of(chosen(space, Resolver(refused))))
    assert fewer_pairs <= pairs_in(rows_of(chosen(more, Resolver(refused))))


@settings(max_examples=40, deadline=None)
@given(spaces(), st.data())
def test_the_most_valuable_rows_come_first(space: Space, data: st.DataObject) -> None:
    """Whatever the budget cuts off adds no more than what it leaves, new pairs counted by their weights."""
    plan = chosen(space, Resolver(drawn_bans(data, space)))
    ends = {(axis, value) for axis, values in space.axes.items() for value in (values[0], values[-1])}

    def worth(number: int) -> int:
        return sum(2 ** sum(choice in ends for choice in pair) for pair in plan.rows[number].pairs)

    assert [worth(n) for n in range(len(plan.rows))] == sorted((worth(n) for n in range(len(plan.rows))), reverse=True)


AXES = {"one": ["a", "b", "c"], "other": ["x", "y", "z"], "third": ["1", "2"]}
KEPT = {"one": "a", "other": "x", "third": "1"}


def test_kept_environments_count_and_are_not_resolved_again() -> None:
    judge = Resolver([])
    plan = chosen(Space(AXES), judge, kept=[KEPT])
    assert KEPT not in judge.asked
    assert not set(combinations(KEPT.items(), 2)) & {pair for one in plan.rows for pair in one.pairs}


def test_rows_to_try_first_come_first_even_where_they_add_nothing() -> None:
    neighbour = {**KEPT, "third": "2"}
    plan = chosen(Space(AXES), Resolver([]), kept=[KEPT], first=[neighbour, KEPT])
    assert rows_of(plan)[:2] == [neighbour, KEPT]
    assert plan.rows[1].pairs == ()


def test_a_row_to_try_first_that_is_refused_or_banned_is_left_out() -> None:
    ban = Ban(choices=frozenset({("one", "b"), ("other", "y")}), reason="no")
    refused = {"one": "b", "other": "y", "third": "1"}
    assert refused not in rows_of(chosen(Space(AXES), Resolver([ban]), first=[refused]))
    judge = Resolver([])
    chosen(Space(AXES, [ban]), judge, first=[refused])
    assert refused not in judge.asked


def test_one_conflict_is_asked_for_in_one_batch_only() -> None:
    """Rows of a batch may fail alike; what is known after it is not asked again, and told once."""
    ban = Ban(choices=frozenset({("one", "a")}), reason="no")
    judge = Resolver([ban])
    plan = chosen(Space(AXES), judge)
    assert [one.ban for one in plan.refusals] == [ban]
    assert not any(ban.holds_for(row) for row in judge.asked[8:])


@settings(max_examples=60, deadline=None)
@given(spaces(), st.data())
def test_what_was_seen_to_be_is_never_forbidden_by_what_was_narrowed_down_too_far(
    space: Space, data: st.DataObject
) -> None:
    """One row fails, and a part of it is blamed that other rows have and resolve with."""
    rows = every_row(space)
    wrong = data.draw(st.lists(st.sampled_from(rows), max_size=3)) if rows else []

    class TooFar(Resolver):
        def _one(self, row: Row) -> Lock | Refusal:
            if row not in wrong:
                return LOCK
            return Refusal(ban=Ban(choices=frozenset(list(row.items())[:1]), reason="blamed"), kind="not here")

    plan = chosen(space, TooFar([]))
    lost = {*plan.impossible, *plan.undecided}
    assert not lost & pairs_in(rows_of(plan))
    assert set(plan.impossible) == set(space.pairs()) - pairs_in(rows)


def test_a_resolver_that_fails_for_all_of_a_batch_ends_the_plan() -> None:
    class Down(Resolver):
        def _one(self, row: Row) -> Lock | Refusal:
            return Refusal(ban=Ban(choices=frozenset(row.items()), reason="dns error"), kind="error")

    judge = Down([])
    with pytest.raises(HarnessError, match="the resolver failed 8 times in a row; first: dns error"):
        chosen(Space(AXES), judge)
    assert len(judge.asked) == 8


def test_so_it_does_where_few_rows_are_asked_for_at_a_time() -> None:
    """Of a pair that is left alone there may be hundreds of rows to try, one after the other."""

    class Down(Resolver):
        def _one(self, row: Row) -> Lock | Refusal:
            if row["one"] == "a" and row["other"] == "x":
                return Refusal(ban=Ban(choices=frozenset(row.items()), reason="dns error"), kind="error")
            return LOCK

    # all but one pair of values are in rows that are kept
    axes = {"one": ["a", "b"], "other": ["x", "y"], "third": [str(n) for n in range(50)]}
    kept = [
        {"one": one, "other": other, "third": third}
        for one, other in (("a", "y"), ("b", "x"), ("b", "y"))
        for third in axes["third"]
    ]
    judge = Down([])
    with pytest.raises(HarnessError, match="8 times in a row"):
        chosen(Space(axes), judge, kept=kept)
    assert len(judge.asked) == 8


def test_a_resolver_that_fails_now_and_then_leaves_the_rest_of_the_plan() -> None:
    class Shaky(Resolver):
        def _one(self, row: Row) -> Lock | Refusal:
            if row["third"] == "1":
                return LOCK
            return Refusal(ban=Ban(choices=frozenset(row.items()), reason="dns error"), kind="error")

    plan = chosen(Space({"one": ["a", "b"], "third": ["1", "2"]}), Shaky([]))
    assert [row["third"] for row in rows_of(plan)] == ["1", "1"]
    assert plan.impossible == ()
    assert {pair[1] for pair in plan.undecided} == {("third", "2")}
