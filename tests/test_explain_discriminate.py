"""An experiment tells explanations apart whatever comes out, and a few of them leave the true one."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from asrcompat.explain.rules.conditions import Condition, Kind
from asrcompat.explain.rules.discriminate import discriminating
from asrcompat.explain.rules.search import Observation, alternatives, explanations

RELEASES = ["1.0", "1.2", "1.10", "2.0", "2.1"]
PACKAGES = ["torch", "transformers", "numpy", "six", "scipy"]


def observation(name: str, versions: dict[str, str], cause: Condition) -> Observation:
    return Observation(environment=name, versions=versions, failed=cause.holds(versions))


@settings(deadline=None, max_examples=40)
@given(st.sampled_from(PACKAGES), st.sampled_from([Kind.FROM, Kind.UP_TO]), st.integers(0, 10**6), st.integers(2, 5))
def test_experiments_refute_one_side_until_the_truth_or_nothing_testable_is_left(
    package: str, kind: Kind, seed: int, count: int
) -> None:
    cause = Condition(package=package, kind=kind, version="1.10")
    draw = random.Random(seed)
    rows = [{one: draw.choice(RELEASES) for one in PACKAGES} for _ in range(count)]
    seen = [observation(str(number), row, cause) for number, row in enumerate(rows)]
    for step in range(30):
        open_ = explanations(seen)
        if len(open_) < 2:
            break
        experiment = discriminating(open_, seen)
        if experiment is None:
            break
        assert sorted([*experiment.fails, *experiment.passes]) == list(range(len(open_)))
        assert experiment.fails
        assert experiment.passes
        (base,) = [one for one in seen if one.environment == experiment.environment]
        versions = dict(base.versions)
        for move in experiment.moves:
            name, version = move.value.replace("==", "=").split("=")
            assert version in {one.versions[name] for one in seen if name in one.versions}, "never seen"
            versions[name] = version
        made = observation(f"made{step}", versions, cause)
        assert made.versions not in [one.versions for one in seen], "already run"
        refuted = experiment.passes if made.failed else experiment.fails
        assert all(open_[place].holds(made.versions) != made.failed for place in refuted)
        seen.append(made)
    else:
        raise AssertionError("experiments never end")
    assert all(found.holds(one.versions) == one.failed for found in explanations(seen) for one in seen)


def rows(*versions: tuple[dict[str, str], bool]) -> list[Observation]:
    return [Observation(environment=f"e{n}", versions=row, failed=failed) for n, (row, failed) in enumerate(versions)]


def test_torch_and_torchaudio_stand_or_fall_together() -> None:
    seen = rows(({"torch": "2.8.0", "torchaudio": "2.8.0"}, False), ({"torch": "2.9.0", "torchaudio": "2.9.0"}, True))
    assert discriminating(explanations(seen), seen) is None


def test_a_move_that_makes_an_environment_that_was_run_is_none() -> None:
    """Moving the one axis back gives the other environment, whatever else its resolver brings along."""
    seen = rows(
        ({"transformers": "4.57.6", "hub": "0.36"}, False),
        ({"transformers": "5.23.0", "hub": "1.4", "anyio": "4.0"}, True),
    )
    experiment = discriminating(explanations(seen, prefer=("transformers",)), seen)
    assert experiment is not None
    assert not [move for move in experiment.moves if move.kind == "axis"]
    assert 0 in experiment.fails or 0 in experiment.passes


def test_the_fork_is_moved_to_by_its_name() -> None:
    seen = rows(
        ({"s3prl": "0.4.18", "six": "1.0"}, True),
        ({"espnet-s3prl": "2026.5.14", "six": "1.1"}, False),
    )
    experiment = discriminating(explanations(seen, prefer=("s3prl",)), seen)
    assert experiment is not None
    values = [move.value for move in experiment.moves]
    assert values in (["s3prl=espnet-s3prl 2026.5.14"], ["s3prl=0.4.18"], ["six==1.1"], ["six==1.0"])


def test_choices_hold_in_the_same_observations() -> None:
    draw = random.Random(5)
    seen = [
        Observation(
            environment=str(n),
            versions={one: draw.choice(RELEASES) for one in PACKAGES},
            failed=False,
        )
        for n in range(6)
    ]
    seen = [
        Observation(
            environment=one.environment,
            versions=one.versions,
            failed=Version(one.versions["six"]) >= Version("1.10"),
        )
        for one in seen
    ]
    for choices in alternatives(seen):
        for choice in choices:
            held = {tuple(condition.holds(one.versions) for one in seen) for condition in choice}
            assert len(held) == 1


def test_preferred_packages_come_first_even_among_very_many() -> None:
    many = {f"p{number:03}": "1" for number in range(80)}
    seen = rows(({**many, "zlib": "1"}, True), ({}, False))
    assert explanations(seen, prefer=("zlib",))[0].packages == ("zlib",)
    ((choice,),) = alternatives(seen, prefer=("zlib",))
    assert len(choice) == 81
