"""The invariants: each can be broken, and is told by name."""

from __future__ import annotations

import dataclasses

import pytest
from core_results import make_core_results
from factories import PROBED, make_cell, make_check, make_environment, make_results

from asrcompat.errors import ExitCode, HarnessError
from asrcompat.model import Cell, CheckOutcome, Outcome, Results, Stage, Trials
from asrcompat.report.check import cell_problems, verify

BROKEN = make_cell(outcome=Outcome.BROKEN, failed=Stage.LOAD)
WORKS = make_cell()
UNSTABLE = make_cell(outcome=Outcome.UNSTABLE)


def test_what_the_factories_make_is_sound() -> None:
    verify(make_core_results())
    verify(make_results())
    for outcome in Outcome:
        assert list(cell_problems(make_cell(outcome=outcome))) == []
    for stage in (Stage.RESOLVE, Stage.INSTALL, *PROBED):
        assert list(cell_problems(make_cell(outcome=Outcome.BROKEN, failed=stage, trials=None))) == []


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        (dataclasses.replace(WORKS, failed=Stage.TRAIN), "works, but failed at train"),
        (dataclasses.replace(WORKS, passed=None, stage=None), "works, but passed no stage"),
        (dataclasses.replace(WORKS, trials=Trials(passed=19, of=20)), "works, but 19 of 20 trials passed"),
        (
            dataclasses.replace(WORKS, passed=Stage.STEP, stage=Stage.STEP),
            "the highest stage whose required checks passed is train",
        ),
        (dataclasses.replace(WORKS, checks=()), "passed is train, but no required check of it did"),
        (dataclasses.replace(BROKEN, message="", exception=None), "broken without a message"),
        (dataclasses.replace(BROKEN, exception=None), "broken without an exception"),
        (dataclasses.replace(BROKEN, failed=None, stage=Stage.IMPORT), "broken, but at no stage"),
        (dataclasses.replace(BROKEN, stage=Stage.IMPORT), "stage is import, but passed is import and failed is load"),
        (dataclasses.replace(BROKEN, passed=Stage.STEP), "passed step is not below failed load"),
        (
            dataclasses.replace(BROKEN, failed=Stage.STEP, stage=Stage.STEP),
            "the first required check that did not pass is at load",
        ),
        (dataclasses.replace(BROKEN, passed=None), "the highest stage whose required checks passed is import"),
        (
            make_cell(outcome=Outcome.BROKEN, failed=Stage.TRAIN, trials=Trials(passed=1, of=20)),
            "broken at train, but 1 of 20 trials passed: that is unstable",
        ),
        (dataclasses.replace(UNSTABLE, trials=None), "unstable without trials"),
        (dataclasses.replace(UNSTABLE, trials=Trials(passed=0, of=20)), "unstable, but 0 of 20 trials passed"),
        (dataclasses.replace(UNSTABLE, trials=Trials(passed=20, of=20)), "unstable, but 20 of 20 trials passed"),
        (dataclasses.replace(UNSTABLE, failed=Stage.STEP, stage=Stage.STEP), "unstable at step"),
        (make_cell(outcome=Outcome.UNAVAILABLE, message=""), "unavailable without a message"),
        (make_cell(outcome=Outcome.ERROR, message="", exception=None), "error without a message"),
    ],
)
def test_a_cell_that_contradicts_itself(cell: Cell, problem: str) -> None:
    assert any(problem in told for told in cell_problems(cell)), list(cell_problems(cell))


@pytest.mark.parametrize("stage", [Stage.RESOLVE, Stage.INSTALL])
def test_a_failed_build_is_told_by_the_cell_alone_or_with_its_check(stage: Stage) -> None:
    cell = make_cell(outcome=Outcome.BROKEN, failed=stage)
    assert cell.exception
    assert [check.stage for check in cell.checks] == [stage]
    assert list(cell_problems(cell)) == []
    assert list(cell_problems(dataclasses.replace(cell, exception=None, checks=()))) == []
    elsewhere = dataclasses.replace(cell, checks=(make_check(Stage.LOAD, CheckOutcome.FAILED),))
    assert any("did not pass is at load" in problem for problem in cell_problems(elsewhere))


def test_a_bare_assert_of_a_package_needs_no_message() -> None:
    assert list(cell_problems(make_cell(outcome=Outcome.BROKEN, exception="AssertionError", message=""))) == []


def test_checks_that_are_not_required_decide_nothing() -> None:
    reported = make_check(Stage.LOAD, CheckOutcome.FAILED, required=False, message="3 tensors are new")
    assert list(cell_problems(dataclasses.replace(WORKS, checks=(*WORKS.checks, reported)))) == []


def test_a_required_check_that_was_skipped_stops_nobody() -> None:
    skipped = make_check(Stage.FEATURES, CheckOutcome.SKIPPED, id="parity-path", message="the other path did not run")
    assert list(cell_problems(dataclasses.replace(WORKS, checks=(*WORKS.checks, skipped)))) == []


@pytest.mark.parametrize(
    ("results", "problem"),
    [
        (make_results([make_cell(make_environment("other"))]), "cells of environment other, which is not there"),
        (make_results([WORKS, WORKS]), "cell .* is there 2 times"),
        (make_results([], [make_environment("e"), make_environment("e")]), "environment e is there 2 times"),
        (make_results([], [make_environment("e")], missing=("e",)), "environment e is there, and told as missing"),
    ],
)
def test_results_that_contradict_themselves(results: Results, problem: str) -> None:
    with pytest.raises(HarnessError, match=problem) as caught:
        verify(results)
    assert caught.value.exit_code == ExitCode.UNFINISHED


def test_all_contradictions_are_told_at_once() -> None:
    cells = [dataclasses.replace(BROKEN, message="", stage=Stage.IMPORT, path=path) for path in ("p", "q")]
    with pytest.raises(HarnessError, match=r"in 2 places[\s\S]*p/cpu[\s\S]*q/cpu"):
        verify(make_results(cells))
