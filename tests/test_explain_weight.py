"""Chance finds rules too: what speaks for one that fits."""

from __future__ import annotations

import random

import pytest

from asrcompat.explain.rules.conditions import Condition, Kind
from asrcompat.explain.rules.search import Explanation, Observation, explanations
from asrcompat.explain.rules.weight import beyond_chance, controlled

PACKAGES = [f"p{number}" for number in range(200)]
RELEASES = [f"1.{number}" for number in range(6)]


def observe(*rows: tuple[dict[str, str], bool]) -> list[Observation]:
    return [Observation(environment=f"e{n}", versions=row, failed=failed) for n, (row, failed) in enumerate(rows)]


def only(observations: list[Observation]) -> Explanation:
    (found,) = explanations(observations)
    return found


def test_a_pair_that_differs_in_nothing_else_is_a_control() -> None:
    seen = observe(({"s3prl": "0.4.14", "six": "1"}, True), ({"s3prl": "0.4.15", "six": "1"}, False))
    assert controlled(only(seen), seen)
    assert not beyond_chance(only(seen), seen)


def test_a_pair_that_differs_in_more_is_none() -> None:
    seen = observe(
        ({"s3prl": "0.4.14", "six": "1"}, True),
        ({"s3prl": "0.4.15", "six": "2"}, False),
        ({"s3prl": "0.4.18", "six": "1", "zlib": "1"}, False),
    )
    assert str(only(seen)) == "s3prl <= 0.4.14"
    assert not controlled(only(seen), seen)


def test_every_condition_needs_its_own_control() -> None:
    seen = observe(
        ({"s3prl": "1", "torch": "2"}, True),
        ({"s3prl": "2", "torch": "2"}, False),
        ({"s3prl": "1", "torch": "1"}, False),
    )
    assert controlled(only(seen), seen)
    worse = [*seen[:2], *observe(({"s3prl": "1", "torch": "1", "six": "1"}, False))]
    assert not controlled(Explanation(conditions=only(seen).conditions, seen_without=(None, None)), worse)


def test_what_breaks_every_condition_at_once_shows_none_of_them() -> None:
    seen = observe(
        ({"a": "2", "b": "2", "c": "1", "d": "1"}, True),
        ({"a": "1", "b": "1", "c": "1", "d": "1"}, False),
        ({"a": "2", "b": "1", "c": "9", "d": "1"}, False),
        ({"a": "1", "b": "2", "c": "9", "d": "1"}, False),
        ({"a": "2", "b": "1", "c": "1", "d": "5"}, False),
        ({"a": "1", "b": "2", "c": "1", "d": "5"}, False),
    )
    assert str(only(seen)) == "a >= 2 and b >= 2"
    assert not controlled(only(seen), seen)
    half = [*seen, *observe(({"a": "2", "b": "1", "c": "1", "d": "1"}, False))]
    assert not controlled(only(half), half)
    whole = [*half, *observe(({"a": "1", "b": "2", "c": "1", "d": "1"}, False))]
    assert controlled(only(whole), whole)


@pytest.mark.parametrize("seed", range(8))
def test_failures_by_chance_are_not_beyond_it_and_those_by_a_cause_are(seed: int) -> None:
    draw = random.Random(seed)
    rows = [{package: draw.choice(RELEASES) for package in PACKAGES} for _ in range(40)]
    unlucky = set(draw.sample(range(40), 6))
    by_chance = observe(*((row, number in unlucky) for number, row in enumerate(rows)))
    assert not any(beyond_chance(one, by_chance) for one in explanations(by_chance)[:1])
    cause = Condition(package="p3", kind=Kind.FROM, version="1.3")
    caused = observe(*((row, cause.holds(row)) for row in rows))
    assert beyond_chance(only(caused), caused)
