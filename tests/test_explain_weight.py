"""Chance finds rules too: what speaks for one that fits."""

from __future__ import annotations

import dataclasses
import random

import pytest

from asrcompat.explain.rules.asked import BUILD
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


def trio(copies: int, **facts: object) -> list[Observation]:
    """Three environments that chance explains, and copies of each with another s3prl, which changes nothing."""
    rows = (("2", "2", "2", True), ("1", "2", "1", False), ("2", "1", "1", False))
    return [
        Observation(
            environment=f"e{number}+{copy}",
            versions=(versions := {"x": x, "y": y, "z": z, "s3prl": f"0.4.{copy}"}),
            failed=failed,
            asked={} if facts.get("base") else versions,
            base=f"e{number}" if facts.get("base") else "",
        )
        for copy in range(copies + 1)
        for number, (x, y, z, failed) in enumerate(rows)
    ]


@pytest.mark.parametrize("base", [True, False])
def test_copies_of_an_environment_are_one_observation(base: bool) -> None:
    for copies in (0, 5, 40):
        seen = trio(copies, base=base)
        assert str(only(seen)) == "z >= 2"
        assert not controlled(only(seen), seen)
        assert not beyond_chance(only(seen), seen)


def test_a_pair_that_no_one_subject_saw_is_no_control() -> None:
    seen = observe(({"s3prl": "0.4.14", "six": "1"}, True), ({"s3prl": "0.4.15", "six": "1"}, False))
    first, second = (
        dataclasses.replace(one, subjects=frozenset({(path, "cpu")})) for one, path in zip(seen, "ab", strict=True)
    )
    assert not controlled(only(seen), [first, second])
    both = dataclasses.replace(second, subjects=first.subjects | second.subjects)
    assert controlled(only(seen), [first, both])


def test_a_pair_of_two_builds_of_torch_is_no_control() -> None:
    seen = observe(({"torch": "2.6.0", "six": "1"}, True), ({"torch": "2.6.0", "six": "2"}, False))
    builds = [dataclasses.replace(one, asked={BUILD: build}) for one, build in zip(seen, ["", "cpu"], strict=True)]
    assert not controlled(only(seen), builds)


def test_what_two_subjects_saw_is_not_added_up_to_more_than_chance() -> None:
    """One path was looked at in what fails, another in what does not: their environments differ in much else."""
    rows = [
        ({"a": "2" if number < 20 else "1", "n": str(number), "m": str(99 - number)}, number < 20)
        for number in range(40)
    ]
    seen = observe(*rows)
    assert beyond_chance(explanations(seen)[0], seen)
    apart = [dataclasses.replace(one, subjects=frozenset({("p" if one.failed else "q", "cpu")})) for one in seen]
    assert not beyond_chance(explanations(apart)[0], apart)
