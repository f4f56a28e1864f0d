"""From cells to rules: paths with causes of their own, passes by luck, failures after every trial has passed."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from factories import make_cell, make_environment, make_results

from asrcompat.explain.judge import judge_failures
from asrcompat.explain.rules.conditions import Condition, Kind
from asrcompat.explain.signatures.entry import Match, Signature
from asrcompat.model import Cell, Environment, Outcome, Stage, Trials

RELEASES = {"s3prl": ["0.4.12", "0.4.14", "0.4.15"], "torch": ["2.3.1", "2.6.0"], "six": ["1.15", "1.16"]}
OLD = Condition(package="s3prl", kind=Kind.UP_TO, version="0.4.14")
NEW = Condition(package="torch", kind=Kind.FROM, version="2.6.0")
CATALOGUE = {
    "odd": Signature(
        id="odd", title="odd", cause="why", status="told", source=("s",), match=Match(exception="OddError")
    )
}
TRIALS = 20


def drawn(draw: random.Random, count: int) -> list[Environment]:
    return [
        make_environment(f"e{number}", packages={name: draw.choice(several) for name, several in RELEASES.items()})
        for number in range(count)
    ]


def rules(cells: Sequence[Cell], environments: Sequence[Environment]) -> tuple[Mapping[str, Any], ...]:
    locks = {
        str(one.lock): "".join(f"{name}=={version}\n" for name, version in one.packages.items()) for one in environments
    }
    return judge_failures(make_results(cells, environments), locks, catalogue=CATALOGUE).rules


def broken(environment: Environment, path: str = "s3prl-hf", **changes: Any) -> Cell:
    return make_cell(environment, path, Outcome.BROKEN, exception="OddError", message="odd", **changes)


def worked(environment: Environment, path: str = "s3prl-hf") -> Cell:
    return make_cell(environment, path, trials=Trials(passed=TRIALS, of=TRIALS))


def about(rule: Mapping[str, Any]) -> set[str]:
    return {choice[0]["package"] for choices in rule["alternatives"] for choice in choices}


def pairs(
    rule: Mapping[str, Any], cells: Sequence[Cell], environments: Sequence[Environment]
) -> Iterator[tuple[Cell, Cell]]:
    """A failure and a pass of one of the rule's paths, where nothing but the rule's packages is different."""
    versions = {one.id: one.packages for one in environments}
    paths = {one["path"] for one in rule["subjects"]}
    for failing in (one for one in cells if one.path in paths and one.outcome is Outcome.BROKEN):
        for passing in (one for one in cells if one.path == failing.path and one.outcome is Outcome.WORKS):
            one, other = versions[failing.environment], versions[passing.environment]
            if {name for name in one if one[name] != other[name]} <= about(rule):
                yield failing, passing


@pytest.mark.parametrize("seed", range(60))
def test_what_is_shown_was_shown_on_one_path(seed: int) -> None:
    """Each path was looked at in some environments; where both fail in one, they are told together."""
    draw = random.Random(seed)
    environments = drawn(draw, 5)
    cells = [
        broken(one, path) if cause.holds(one.packages) else worked(one, path)
        for one in environments
        for path, cause in (("s3prl-hf", OLD), ("espnet-s3prl", NEW))
        if draw.random() < 0.6
    ]
    for rule in rules(cells, environments):
        if rule["verdict"] == "found":
            assert list(pairs(rule, cells, environments))


@pytest.mark.parametrize(("share", "told"), [(0.05, False), (0.1, False), (0.5, True)])
@pytest.mark.parametrize("seed", range(10))
def test_passes_by_luck_never_lead_to_a_cause_that_is_none(share: float, seed: int, *, told: bool) -> None:
    """A failure of half the steps is known from twenty; of one that is rarer they tell nothing."""
    draw = random.Random(seed)
    environments = drawn(draw, 12)
    cells = []
    for one in environments:
        passed = sum(draw.random() >= share for _ in range(TRIALS)) if OLD.holds(one.packages) else TRIALS
        stages = {"stage": Stage.TRAIN, "failed": Stage.TRAIN, "passed": Stage.STEP}
        shaky = broken(one, trials=Trials(passed=passed, of=TRIALS), **stages)
        cells.append(worked(one) if passed == TRIALS else dataclasses.replace(shaky, outcome=Outcome.UNSTABLE))
    found = [rule for rule in rules(cells, environments) if rule["verdict"] == "found"]
    assert [about(rule) for rule in found] == ([{"s3prl"}] if told else [])


@pytest.mark.parametrize("seed", range(10))
def test_a_failure_after_every_trial_has_passed_takes_no_pass_away(seed: int) -> None:
    environments = drawn(random.Random(seed), 12)
    late = {"stage": Stage.TRAIN, "failed": Stage.TRAIN, "passed": Stage.STEP}
    trials = Trials(passed=TRIALS, of=TRIALS)
    cells = [broken(one, trials=trials, **late) if OLD.holds(one.packages) else worked(one) for one in environments]
    (rule,) = rules(cells, environments)
    assert rule["not_failing"]["environments"] == [one.environment for one in cells if one.outcome is Outcome.WORKS]
    assert (rule["verdict"], about(rule)) == ("found", {"s3prl"})
