"""Rules name a hidden cause, exactly it, and say so when the data do not decide."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from asrcompat.explain.rules.conditions import Condition, Kind
from asrcompat.explain.rules.search import Observation, explanations

RELEASES = [f"{major}.{minor}" for major in (1, 2) for minor in (0, 2, 9, 10, 11)]  # as text, 1.10 comes before 1.9
NOISE = ["numpy", "scipy", "six", "protobuf", "setuptools", "librosa"]


def fails(versions: dict[str, str], causes: list[Condition]) -> bool:
    return all(cause.holds(versions) for cause in causes)


def observe(causes: list[Condition], *, seed: int, count: int) -> list[Observation]:
    """Environments with versions drawn at random for everything, the causes' packages among them."""
    draw = random.Random(seed)
    packages = [*NOISE, *(cause.package for cause in causes)]
    found = []
    for number in range(count):
        versions = {package: draw.choice(RELEASES) for package in packages if draw.random() < 0.9}
        found.append(Observation(environment=str(number), versions=versions, failed=fails(versions, causes)))
    return found


def bound(package: str) -> st.SearchStrategy[Condition]:
    kinds = st.sampled_from([Kind.FROM, Kind.UP_TO])
    return st.builds(Condition, package=st.just(package), kind=kinds, version=st.sampled_from(RELEASES[3:7]))


@settings(max_examples=30)
@given(bound("torchaudio"), st.integers(0, 10**6))
def test_a_single_cause_is_named(cause: Condition, seed: int) -> None:
    (found,) = explanations(observe([cause], seed=seed, count=150))
    (condition,) = found.conditions
    assert (condition.package, condition.kind) == ("torchaudio", cause.kind)
    assert condition.version == cause.version
    (nearest,) = found.seen_without
    assert nearest is not None
    assert not cause.holds({"torchaudio": nearest})
    between = sorted([Version(nearest), Version(str(cause.version))])
    assert not [release for release in RELEASES if between[0] < Version(release) < between[1]]


@settings(max_examples=30)
@given(bound("torchaudio"), bound("s3prl"), st.integers(0, 10**6))
def test_a_conjunction_of_two_is_named(first: Condition, second: Condition, seed: int) -> None:
    observations = observe([first, second], seed=seed, count=400)
    (found,) = explanations(observations)
    assert found.packages == ("s3prl", "torchaudio")
    assert {one.kind for one in found.conditions if one.package == "s3prl"} == {second.kind}
    assert {one.kind for one in found.conditions if one.package == "torchaudio"} == {first.kind}
    assert all(found.holds(one.versions) == one.failed for one in observations)


def test_presence_is_told_without_a_bound() -> None:
    rows = [({"s3prl": "0.4.18"}, True), ({"s3prl": "0.4.10"}, True), ({"espnet-s3prl": "2026.5"}, False), ({}, False)]
    (found,) = explanations([Observation(environment="", versions=v, failed=f) for v, f in rows])
    assert str(found) == "s3prl installed"


def test_packages_that_moved_together_leave_it_open() -> None:
    rows = [({"torch": v, "torchaudio": v, "six": "1.0"}, v == "2.9") for v in ("2.7", "2.8", "2.9")]
    found = explanations([Observation(environment="", versions=v, failed=f) for v, f in rows])
    assert sorted(map(str, found)) == ["torch >= 2.9", "torchaudio >= 2.9"]


@pytest.mark.parametrize("failed", [True, False])
def test_nothing_is_said_of_failures_everywhere_or_nowhere(failed: bool) -> None:
    rows = [{"six": "1.0"}, {"six": "2.0"}]
    assert explanations([Observation(environment="", versions=row, failed=failed) for row in rows]) == ()


def test_equal_versions_with_unequal_outcomes_have_no_explanation() -> None:
    rows = [({"six": "1.0"}, True), ({"six": "1.0"}, False)]
    assert explanations([Observation(environment="", versions=v, failed=f) for v, f in rows]) == ()


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(2, 12))
def test_whatever_is_said_fits_every_observation(seed: int, count: int) -> None:
    cause = Condition(package="torch", kind=Kind.FROM, version="2.0")
    observations = observe([cause], seed=seed, count=count)
    for found in explanations(observations):
        assert all(found.holds(one.versions) == one.failed for one in observations)
