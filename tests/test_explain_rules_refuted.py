"""A run could have refuted a rule only where the rule foretold how it ends, and otherwise than its base."""

from __future__ import annotations

import dataclasses

import pytest

from asrcompat.explain.rules.conditions import Condition, Kind
from asrcompat.explain.rules.refuted import could_refute, foretold
from asrcompat.explain.rules.search import Explanation, Observation
from asrcompat.explain.rules.verdict import Evidence, explained

OLD = Explanation(conditions=(Condition(package="s3prl", kind=Kind.UP_TO, version="0.4.13"),), seen_without=("0.4.15",))
NEW = Explanation(conditions=(Condition(package="torch", kind=Kind.FROM, version="2.9"),), seen_without=("2.7",))


def observed(name: str, versions: dict[str, str], *, failed: bool) -> Observation:
    return Observation(environment=name, versions=versions, failed=failed, asked=versions)


@pytest.mark.parametrize(
    ("explanation", "versions", "told"),
    [
        (OLD, {"s3prl": "0.4.12"}, True),
        (OLD, {"s3prl": "0.4.13"}, True),
        (OLD, {"s3prl": "0.4.14"}, None),
        (OLD, {"s3prl": "0.4.15"}, False),
        (OLD, {"s3prl": "0.4.18"}, False),
        (OLD, {}, False),
        (NEW, {"torch": "2.8"}, None),
        (NEW, {"torch": "2.7"}, False),
        (NEW, {"torch": "2.10"}, True),
    ],
)
def test_between_a_bound_and_what_was_seen_beyond_it_nothing_is_foretold(
    explanation: Explanation, versions: dict[str, str], told: bool | None
) -> None:
    assert foretold(explanation, versions) is told


def test_beyond_a_bound_of_which_nothing_else_was_seen_nothing_is_foretold_unless_another_condition_is_broken() -> None:
    both = Explanation(conditions=OLD.conditions + NEW.conditions, seen_without=(None, "2.7"))
    assert foretold(both, {"s3prl": "0.4.15", "torch": "2.9"}) is None
    assert foretold(both, {"s3prl": "0.4.15", "torch": "2.7"}) is False


def test_a_run_has_to_cross_a_condition_with_one_thing_moved_for_the_same_subject() -> None:
    base = observed("a", {"s3prl": "0.4.15", "six": "1"}, failed=False)
    assert could_refute(observed("b", {"s3prl": "0.4.12", "six": "1"}, failed=True), OLD, [base])
    assert not could_refute(observed("b", {"s3prl": "0.4.18", "six": "1"}, failed=False), OLD, [base])
    assert not could_refute(observed("b", {"s3prl": "0.4.15", "six": "2"}, failed=False), OLD, [base])
    assert not could_refute(observed("b", {"s3prl": "0.4.12", "six": "2"}, failed=True), OLD, [base])
    other = Observation(
        environment="b", versions={"s3prl": "0.4.12", "six": "1"}, failed=True, subjects=frozenset({("q", "cpu")})
    )
    assert not could_refute(other, OLD, [base])


def test_a_variant_of_the_base_is_one_whatever_aids_come_along_with_its_axis() -> None:
    base = observed("a", {"s3prl": "0.4.15", "six": "1"}, failed=False)
    run = observed("a+lab", {"s3prl": "0.4.12", "six": "2"}, failed=True)
    assert not could_refute(run, OLD, [base])
    base, run = (dataclasses.replace(one, base="a") for one in (base, run))
    assert could_refute(run, OLD, [base])


@pytest.mark.parametrize("failed", [True, False])
def test_a_run_between_the_versions_that_are_known_only_makes_a_rule_narrower(failed: bool) -> None:
    seen = (
        observed("a", {"s3prl": "0.4.13", "six": "1"}, failed=True),
        observed("b", {"s3prl": "0.4.15", "six": "1"}, failed=False),
        observed("lab", {"s3prl": "0.4.14", "six": "1"}, failed=failed),
    )
    told = explained(Evidence(observations=seen, derived=frozenset({"lab"})))
    assert (told["verdict"], told["counterexample_sought_in"]) == ("found", [])


def test_a_run_that_leaves_alone_what_a_rule_is_about_does_not_spare_the_one_that_could_refute_it() -> None:
    seen = [
        observed("a", {"s3prl": "1", "torch": "2.11", "six": "1", "pandas": "2"}, failed=True),
        observed("b", {"s3prl": "1", "torch": "2.8", "six": "1", "pandas": "2"}, failed=False),
        observed("c", {"s3prl": "2", "torch": "2.8", "six": "2", "pandas": "1"}, failed=False),
    ]
    idle = observed("lab", {"s3prl": "1", "torch": "2.8", "six": "2", "pandas": "2"}, failed=False)
    told = explained(Evidence(observations=(*seen, idle), derived=frozenset({"lab"})))
    assert (told["verdict"], told["counterexample_sought_in"]) == ("found", [])
    assert told["experiment"]["environment"] == "c"
    assert [move["value"] for move in told["experiment"]["moves"]] == ["torch=2.11"]
    made = observed("made", {"s3prl": "2", "torch": "2.11", "six": "2", "pandas": "1"}, failed=True)
    told = explained(Evidence(observations=(*seen, idle, made), derived=frozenset({"lab", "made"})))
    assert (told["counterexample_sought_in"], told["experiment"]) == (["made"], None)


def test_a_run_of_which_a_rule_foretells_nothing_is_not_asked_for() -> None:
    """How a release fares between the bound and what was seen beyond it would only make the rule narrower or wider."""
    seen = (
        observed("f", {"s3prl": "1", "torch": "2.9", "six": "1"}, failed=True),
        observed("g", {"s3prl": "1", "torch": "2.9", "six": "2"}, failed=True),
        observed("p", {"s3prl": "4", "torch": "2.9", "six": "1"}, failed=False),
        observed("q", {"s3prl": "1", "torch": "2.3", "six": "1"}, failed=False),
        observed("r", {"s3prl": "2", "torch": "2.3", "six": "2"}, failed=False),
    )
    told = explained(Evidence(observations=seen))
    assert told["verdict"] == "found"
    assert told["experiment"] is not None
    assert [move["value"] for move in told["experiment"]["moves"]] != ["s3prl=2"]


def test_what_no_move_tells_apart_is_put_to_the_test_once() -> None:
    """`bb` and `cc` only come together: a run says whether any of them does it, and a second one like it no more."""
    both = {"bb": "1", "cc": "1"}
    seen = (
        observed("a", {"s3prl": "1", **both, "torch": "1"}, failed=True),
        observed("b", {"s3prl": "2", **both, "torch": "2"}, failed=False),
        observed("c", {"s3prl": "1", "torch": "2", "six": "1"}, failed=False),
        observed("d", {"s3prl": "1", **both, "torch": "3"}, failed=True),
        observed("e", {"s3prl": "2", "torch": "3", "six": "2"}, failed=False),
        observed("f", {"s3prl": "2", **both, "torch": "3", "transformers": "5"}, failed=False),
        observed("g", {"s3prl": "1", **both, "torch": "4", "transformers": "5"}, failed=True),
    )
    evidence = Evidence(observations=seen, allowed=lambda _, moves: all(move.kind == "axis" for move in moves))
    told = explained(evidence)
    assert (told["verdict"], told["experiment"]["environment"]) == ("undetermined", "a")
    assert [move["value"] for move in told["experiment"]["moves"]] == ["s3prl=2"]
    made = observed("lab", {"s3prl": "2", **both, "torch": "1"}, failed=False)
    told = explained(dataclasses.replace(evidence, observations=(*seen, made), derived=frozenset({"lab"})))
    assert (told["verdict"], told["experiment"]) == ("undetermined", None)
