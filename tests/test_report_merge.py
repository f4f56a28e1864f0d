"""Merging: the plan's order, every host, and refusal of what does not belong together."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from factories import HOST, make_cell, make_environment, make_environment_result

from asrcompat.errors import HarnessError
from asrcompat.model import EnvironmentResult, Outcome, Results
from asrcompat.report.check import verify
from asrcompat.report.merge import merge

A, B, C = (make_environment(name) for name in "abc")


def merged(*results: EnvironmentResult, planned: tuple[str, ...] = ("a", "b", "c"), **options: Any) -> Results:
    """Merge under the plan of these tests."""
    return merge(results, profile="core", planned=planned, **options)


def test_the_order_is_the_plans_and_what_is_missing_is_named() -> None:
    results = merged(make_environment_result(C), make_environment_result(A))
    assert [environment.id for environment in results.environments] == ["a", "c"]
    assert [cell.environment for cell in results.cells] == ["a"] * 3 + ["c"] * 3
    assert results.missing == ("b",)
    verify(results)


def test_the_order_of_the_files_changes_nothing() -> None:
    parts = [make_environment_result(environment) for environment in (A, B, C)]
    assert merged(*parts) == merged(*reversed(parts))


def test_a_derived_environment_follows_its_origin() -> None:
    derived = make_environment("a+layerdrop0", derived_from="a")
    results = merged(make_environment_result(B), make_environment_result(derived), make_environment_result(A))
    assert [environment.id for environment in results.environments] == ["a", "a+layerdrop0", "b"]


def test_the_report_is_as_new_as_its_newest_part() -> None:
    old = make_environment_result(A, generated_at="2026-11-21T00:00:00+00:00")
    new = make_environment_result(B, generated_at="2026-11-22T00:00:00+00:00")
    assert merged(old, new).generated_at == "2026-11-22T00:00:00+00:00"


def test_all_hosts_and_harnesses_are_told() -> None:
    other = {**HOST, "cpu": "Another CPU"}
    results = merged(
        make_environment_result(A),
        make_environment_result(B, host=other, harness={"version": "0.1.0", "commit": "feed"}),
        make_environment_result(C, host=other),
    )
    assert results.host == {**HOST, "others": [{**other, "environments": ["b", "c"]}]}
    assert results.harness == {"version": "0.1.0", "commit": "c057ff8a1c62, feed"}
    assert merged(make_environment_result(A), make_environment_result(B)).host == HOST


def test_comparisons_of_weights_are_kept() -> None:
    one, two = {"files": ["x"]}, {"files": ["y"]}
    same = merged(
        make_environment_result(A, weights_comparison=one), make_environment_result(B, weights_comparison=one)
    )
    assert same.weights_comparison == one
    differing = merged(
        make_environment_result(A, weights_comparison=one), make_environment_result(B, weights_comparison=two)
    )
    assert differing.weights_comparison == {"a": one, "b": two}
    assert merged(make_environment_result(A)).weights_comparison is None


def test_expectations_are_passed_on() -> None:
    assert merged(make_environment_result(A), expectations={"exit_code": 0}).expectations == {"exit_code": 0}


def test_nothing_to_merge_says_what_to_do() -> None:
    with pytest.raises(HarnessError, match="nox -s matrix"):
        merged()


def test_one_refused_cell_costs_no_other() -> None:
    bad, good = make_cell(A, "p", evidence=None), make_cell(A, "q")
    results = merged(make_environment_result(A, [bad, good]), make_environment_result(B))
    assert [cell.outcome for cell in results.cells] == [Outcome.ERROR, *[Outcome.WORKS] * 4]
    assert results.cells[1] == good
    verify(results)


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (make_environment_result(B, weights="synthetic-small"), "mixture of weights: synthetic-base, synthetic-small"),
        (make_environment_result(B, model="other/model"), "mixture of models"),
        (make_environment_result(A), "a: two results of one environment"),
        (make_environment_result(make_environment("z")), "z: not an environment of this plan"),
        (make_environment_result(B, [make_cell(A)]), "stands in the result of environment b"),
    ],
)
def test_mixtures_are_refused(second: EnvironmentResult, problem: str) -> None:
    with pytest.raises(HarnessError, match=problem):
        merged(make_environment_result(A), second)


def test_all_refusals_are_told_at_once() -> None:
    bad = make_environment_result(A, [make_cell(B, "p"), make_cell(B, "q")])
    with pytest.raises(HarnessError) as caught:
        merged(bad, dataclasses.replace(make_environment_result(B), weights="hub"))
    assert all(part in str(caught.value) for part in ("b/p/cpu", "b/q/cpu", "mixture of weights"))
