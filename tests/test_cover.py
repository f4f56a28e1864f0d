"""Plans cover what can be covered: counted here by going through every combination, not by the planner's search."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import combinations, product

import pytest
from allpairspy import AllPairs
from hypothesis import given, settings
from hypothesis import strategies as st

from asrcompat.plan.cover import Cover
from asrcompat.plan.space import Ban, Pair, Row, Space

Rows = list[Row]


def rows_of(space: Space, *, first: Iterable[Row] = (), seed: int = 0) -> Rows:
    """The rows of a whole plan, those of `first` in front."""
    cover = Cover(space, seed=seed)
    rows = list(first)
    for row in rows:
        cover.take(row)
    while (more := cover.next()) is not None:
        assert cover.worth(more) > 0
        cover.take(more)
        rows.append(more)
    return rows


def pairs_in(rows: Iterable[Row]) -> set[Pair]:
    return {pair for row in rows for pair in combinations(row.items(), 2)}


def every_row(space: Space) -> Rows:
    """All that nothing bans, one combination after the other."""
    everything = (dict(zip(space.axes, values, strict=True)) for values in product(*space.axes.values()))
    return [row for row in everything if not any(ban.choices <= set(row.items()) for ban in space.bans)]


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    axes = {f"axis{n}": [f"{n}.{value}" for value in range(size)] for n, size in enumerate(sizes)}
    bans = []
    for _ in range(draw(st.integers(0, 12))):
        names = draw(st.lists(st.sampled_from(list(axes)), min_size=1, max_size=3, unique=True))
        choices = frozenset((name, draw(st.sampled_from(axes[name]))) for name in names)
        bans.append(Ban(choices=choices, reason="so it is"))
    return Space(axes, bans)


@settings(max_examples=150)
@given(spaces(), st.integers(0, 3))
def test_every_pair_that_can_be_is_covered_and_nothing_banned_is_planned(space: Space, seed: int) -> None:
    allowed = every_row(space)
    rows = rows_of(space, seed=seed)
    assert pairs_in(rows) == pairs_in(allowed)
    assert all(row in allowed for row in rows)


@settings(max_examples=150)
@given(spaces(), st.data())
def test_what_fits_beside_some_values_is_found_where_there_is_anything(space: Space, data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(list(space.axes)), unique=True))
    choices = {name: data.draw(st.sampled_from(space.axes[name])) for name in names}
    suiting = [row for row in every_row(space) if choices.items() <= row.items()]
    found = space.completed(choices.items())
    assert found in suiting if suiting else found is None


@settings(max_examples=60)
@given(spaces())
def test_what_is_impossible_is_told_once(space: Space) -> None:
    cover = Cover(space)
    while (row := cover.next()) is not None:
        cover.take(row)
    assert sorted(cover.impossible) == sorted(set(space.pairs()) - pairs_in(every_row(space)))


@settings(max_examples=60)
@given(spaces(), st.data())
def test_what_a_resolver_refuses_on_the_way_is_planned_around(space: Space, data: st.DataObject) -> None:
    """Every refused row is banned whole, as where nothing smaller is known of why."""
    cover, rows = Cover(space), []
    while (row := cover.next()) is not None:
        if data.draw(st.booleans()):
            space.ban(Ban(choices=frozenset(row.items()), reason="refused"))
        else:
            cover.take(row)
            rows.append(row)
    assert all(row in every_row(space) for row in rows)
    assert pairs_in(rows) == pairs_in(every_row(space))


@given(spaces(), st.integers(0, 3))
@settings(max_examples=40)
def test_the_same_seed_gives_the_same_plan(space: Space, seed: int) -> None:
    assert rows_of(space, seed=seed) == rows_of(space, seed=seed)


@given(spaces(), st.data())
@settings(max_examples=60)
def test_adding_a_value_never_loses_coverage(space: Space, data: st.DataObject) -> None:
    axis = data.draw(st.sampled_from(list(space.axes)))
    more = Space({**space.axes, axis: [*space.axes[axis], "another"]}, space.bans)
    assert pairs_in(rows_of(space)) <= pairs_in(rows_of(more))


@given(spaces(), st.data())
@settings(max_examples=40)
def test_what_must_be_there_is_kept_and_counts(space: Space, data: st.DataObject) -> None:
    allowed = every_row(space)
    must = data.draw(st.lists(st.sampled_from(allowed), max_size=4)) if allowed else []
    rows = rows_of(space, first=must)
    assert rows[: len(must)] == must
    assert pairs_in(rows) == pairs_in(allowed)
    later = [row for row in rows[len(must) :] if pairs_in([row]) <= pairs_in(must)]
    assert later == []


def test_worthier_values_come_first() -> None:
    axes = {name: [f"{name}{n}" for n in range(6)] for name in "abc"}
    ends = {(name, values[at]): 5 for name, values in axes.items() for at in (0, -1)}
    cover = Cover(Space(axes), weights=ends)
    first = [row for _ in range(4) if (row := cover.next()) is not None and cover.take(row)]
    assert len(first) == 4
    assert all(choice in ends for row in first for choice in row.items())
    assert cover.take(first[0]) == []  # and what is covered is worth nothing more


@pytest.mark.parametrize("sizes", [[3] * 4, [3] * 13, [10] * 6], ids=["3^4", "3^13", "10^6"])
def test_plans_are_about_as_small_as_those_of_allpairspy(sizes: list[int]) -> None:
    """Three classical cases; the benchmark tells the sizes."""
    axes = {f"axis{n}": [str(value) for value in range(size)] for n, size in enumerate(sizes)}
    theirs = len(list(AllPairs(list(axes.values()))))
    assert len(rows_of(Space(axes))) <= theirs * 1.2


def test_a_million_combinations_with_constraints_are_covered() -> None:
    """What it takes is told by the benchmark; that all is there, here, by a count of its own."""
    chance = random.Random(23)
    axes = {name: [f"{name}{n}" for n in range(10)] for name in "abcdef"}
    bans = [
        Ban(choices=frozenset([(one, value), (other, another)]), reason="no")
        for one, other in combinations(axes, 2)
        for value, another in product(axes[one], axes[other])
        if chance.random() < 0.2
    ]
    space = Space(axes, bans)
    assert space.size == 10**6
    rows = rows_of(space)
    banned = {ban.choices for ban in bans}
    assert not any(frozenset(pair) in banned for pair in pairs_in(rows))
    missing = set(space.pairs()) - pairs_in(rows)
    for pair in missing - {pair for pair in missing if frozenset(pair) in banned}:
        assert not any(
            all(frozenset(two) not in banned for two in combinations(row, 2))
            for row in product(
                *([choice for choice in pair if choice[0] == name] or [(name, v) for v in axes[name]] for name in axes)
            )
        )


@pytest.mark.parametrize(
    "choices", [[], [("torch", "9")], [("torch", "1"), ("torch", "2")]], ids=["nothing", "unknown", "two of one axis"]
)
def test_a_ban_has_to_be_of_values_of_the_axes(choices: list[tuple[str, str]]) -> None:
    with pytest.raises(ValueError, match="not a combination of values"):
        Space({"torch": ["1", "2"]}, [Ban(choices=frozenset(choices), reason="")])
