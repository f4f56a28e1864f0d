"""Merging: the plan's order, every host, and refusal of what proves nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from factories import HOST, make_cell, make_environment, make_environment_result, make_evidence

from asrcompat.errors import HarnessError
from asrcompat.model import Cell, EnvironmentResult, Outcome, Results, Stage
from asrcompat.report.check import verify
from asrcompat.report.merge import merge

A, B, C = (make_environment(name) for name in "abc")


def merged(*results: EnvironmentResult, planned: tuple[str, ...] = ("a", "b", "c"), **options: Any) -> Results:
    """Merge under the plan of these tests."""
    return merge(results, profile="core", planned=planned, **options)


def of(environment_cell: Cell) -> EnvironmentResult:
    """Make a result of one cell in environment `a`."""
    return make_environment_result(A, [environment_cell])


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


@pytest.mark.parametrize(
    ("versions", "problem"),
    [
        ({"s3prl": "0.4.14"}, r"a/transformers/cpu: the probe read s3prl 0\.4\.14, where 0\.4\.15 is locked"),
        ({"torch": "2.3.2"}, "the probe read torch"),
        ({"espnet": None}, "the probe read no version of espnet"),
        ({"python": "3.11.4"}, r"ran on Python 3\.11\.4, where 3\.10 was asked for"),
        ({"python": "3.1.0"}, "ran on Python"),
    ],
)
def test_versions_that_disagree_with_the_lock_are_refused(versions: dict[str, str | None], problem: str) -> None:
    read = {name: version for name, version in {**A.packages, **versions}.items() if version is not None}
    with pytest.raises(HarnessError, match=problem):
        merged(of(make_cell(A, evidence=make_evidence(A, versions=read))))


@pytest.mark.parametrize(
    "versions",
    [
        {"torch": "2.3.1+cpu"},
        {"Torch": "2.3.1"},
        {"espnet": "202402.0"},
        {"python": "3.10.14", "numpy": "1.26.4"},
    ],
)
def test_the_same_version_in_other_words_is_accepted(versions: dict[str, str]) -> None:
    read = {**A.packages, **versions}
    if "Torch" in versions:
        del read["torch"]
    assert merged(of(make_cell(A, evidence=make_evidence(A, versions=read)))).cells


@pytest.mark.parametrize(("locked", "read"), [("espnet-s3prl", "espnet_s3prl"), ("Espnet.S3PRL", "espnet-s3prl")])
def test_names_are_compared_as_packaging_does(locked: str, read: str) -> None:
    environment = make_environment("a", packages={locked: "2026.5.14"})
    cell = make_cell(environment, evidence=make_evidence(environment, versions={read: "2026.05.14"}))
    assert merged(make_environment_result(environment, [cell])).cells == (cell,)


@pytest.mark.parametrize(
    "cell",
    [
        make_cell(A, evidence=None),
        make_cell(A, outcome=Outcome.UNSTABLE, evidence=None),
        make_cell(A, outcome=Outcome.BROKEN, failed=Stage.IMPORT, evidence=None),
    ],
)
def test_a_verdict_without_evidence_is_refused(cell: Cell) -> None:
    with pytest.raises(HarnessError, match=f"a/transformers/cpu: {cell.outcome} without evidence"):
        merged(of(cell))


@pytest.mark.parametrize(
    "cell",
    [
        make_cell(A, outcome=Outcome.BROKEN, failed=Stage.RESOLVE, message="no solution"),
        make_cell(A, outcome=Outcome.BROKEN, failed=Stage.INSTALL, message="no wheel"),
        make_cell(A, outcome=Outcome.UNAVAILABLE),
        make_cell(A, outcome=Outcome.ERROR, evidence=None),
    ],
)
def test_what_never_reached_the_probe_needs_no_evidence(cell: Cell) -> None:
    assert merged(of(cell)).cells == (cell,)


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
    bad = make_environment_result(A, [make_cell(A, "p", evidence=None), make_cell(A, "q", evidence=None)])
    with pytest.raises(HarnessError) as caught:
        merged(bad, dataclasses.replace(make_environment_result(B), weights="hub"))
    assert all(part in str(caught.value) for part in ("a/p/cpu", "a/q/cpu", "mixture of weights"))
