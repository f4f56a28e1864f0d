"""Failures are told once each."""

from __future__ import annotations

import dataclasses

from core_results import make_core_results
from factories import MODEL, TRACEBACK, make_cell, make_check, make_environment

from asrcompat.model import Cell, CheckOutcome, Outcome, Stage
from asrcompat.report.failures import failures, traceback_of

OLD, NEW = make_environment("old"), make_environment("new")


def test_cells_that_failed_alike_make_one_failure() -> None:
    told = failures(make_core_results().cells)
    assert [(failure.number, failure.messages[0].exception, len(failure.cells)) for failure in told] == [
        (1, "OSError", 2),
        (2, "AssertionError", 2),
        (3, "ConnectionError", 1),
        (4, "AttributeError", 2),
    ]
    assert told[0].title == f"OSError: {MODEL} does not appear to have a file…, broken at load"
    assert told[0].messages[0].traceback == TRACEBACK
    assert told[0].messages[0].causes == ("KeyError: 'x'",)


def test_other_exceptions_and_messages_are_other_failures() -> None:
    cells = [
        make_cell(OLD, "a", Outcome.BROKEN, exception="ImportError", message="No module named 'six'"),
        make_cell(OLD, "b", Outcome.BROKEN, exception="ImportError", message="No module named 'fairseq'"),
        make_cell(OLD, "c", Outcome.BROKEN, exception="OSError", message="No module named 'six'"),
    ]
    assert len(failures(cells)) == 3


def test_a_failure_and_an_error_of_the_harness_are_never_one() -> None:
    cells = [
        make_cell(OLD, "a", Outcome.BROKEN, exception="OSError", message="timed out"),
        make_cell(OLD, "b", Outcome.ERROR, exception="OSError", message="timed out"),
    ]
    assert len(failures(cells)) == 2


def test_bare_asserts_are_told_apart_by_where_they_stand() -> None:
    def bare(path: str, line: str) -> Cell:
        trace = f'Traceback:\n  File "/env/{path}/hub.py", line 3, in load\n  File "/env/{path}/{line}\n    assert x\n'
        check = make_check(Stage.LOAD, CheckOutcome.FAILED, data={"traceback": trace})
        cell = make_cell(OLD, path, Outcome.BROKEN, exception="AssertionError", message="")
        return dataclasses.replace(cell, checks=(check,))

    cells = [
        bare("a", 'frontend.py", line 7, in f'),
        bare("b", 'frontend.py", line 9, in f'),
        bare("c", 'expert.py", line 7, in g'),
    ]
    assert [[cell.path for cell in failure.cells] for failure in failures(cells)] == [["a", "b"], ["c"]]


def test_what_works_or_is_unavailable_is_no_failure() -> None:
    assert failures([make_cell(), make_cell(outcome=Outcome.UNAVAILABLE)]) == ()


def test_the_cell_with_a_traceback_speaks_for_its_group() -> None:
    silent = dataclasses.replace(make_cell(OLD, "a", Outcome.BROKEN), checks=())
    (failure,) = failures([silent, make_cell(NEW, "a", Outcome.BROKEN)])
    assert failure.messages[0].traceback == TRACEBACK


def test_the_traceback_is_that_of_the_deciding_check() -> None:
    cell = make_cell(OLD, "a", Outcome.BROKEN, Stage.LOAD)
    other = make_check(Stage.LOAD, CheckOutcome.FAILED, id="extra", required=False, data={"traceback": "other"})
    assert traceback_of(dataclasses.replace(cell, checks=(other, *cell.checks))) == TRACEBACK


def test_causes_are_told_once() -> None:
    cell = make_cell(OLD, "a", Outcome.BROKEN, signature="no-preprocessor", cause="no file")
    (failure,) = failures([cell, dataclasses.replace(cell, path="b")])
    assert (failure.causes, failure.signature) == (("no file",), "no-preprocessor")


def test_one_signature_at_one_stage_is_one_failure_with_all_that_it_said() -> None:
    def known(path: str, message: str, stage: Stage = Stage.LOAD, **changes: str) -> Cell:
        return make_cell(OLD, path, Outcome.BROKEN, stage, message=message, signature="no-preprocessor", **changes)

    cells = [
        known("a", "m/model lacks it\nsee https://example.org"),
        known("b", "/a/1/model lacks it"),
        known("c", "/a/22/model lacks it"),
        known("d", "m/model lacks it\nand more", exception="KeyError"),
        known("e", "m/model lacks it", Stage.FEATURES),
        make_cell(OLD, "f", Outcome.ERROR, message="m/model lacks it", signature="no-preprocessor"),
    ]
    told = failures(cells, {"no-preprocessor": "No preprocessor"})
    assert [[[cell.path for cell in one.cells] for one in failure.messages] for failure in told] == [
        [["a"], ["b", "c"], ["d"]],
        [["e"]],
        [["f"]],
    ]
    assert [failure.title for failure in told] == [
        "No preprocessor, broken at load",
        "No preprocessor, broken at features",
        "No preprocessor, error at load",
    ]


def test_messages_that_begin_alike_are_one_and_the_rest_of_each_is_told() -> None:
    cells = [
        make_cell(OLD, "a", Outcome.BROKEN, message="sizes differ:\n  weight: 512"),
        make_cell(OLD, "b", Outcome.BROKEN, message="sizes differ:\n  bias: 768"),
        make_cell(NEW, "b", Outcome.BROKEN, message="sizes differ:\n  bias: 768"),
    ]
    ((message,),) = [failure.messages for failure in failures(cells)]
    ((text, others),) = message.others
    assert (text, [cell.key[:2] for cell in others]) == ("sizes differ: bias: 768", [("old", "b"), ("new", "b")])


def test_failed_builds_that_begin_alike_are_several() -> None:
    cells = [
        make_cell(OLD, "a", Outcome.BROKEN, Stage.RESOLVE, message=f"No solution found:\n  because of {name}")
        for name in ("torch", "fairseq")
    ]
    assert len(failures(cells)) == 2


def test_a_failures_reason_is_its_cause_or_else_its_message() -> None:
    known, unknown = failures(
        [
            make_cell(OLD, "a", Outcome.BROKEN, cause="no such file"),
            make_cell(OLD, "b", Outcome.BROKEN, exception="pkg.mod.OddError", message="first\nsecond " + "word " * 100),
        ]
    )
    assert known.reason == "no such file"
    assert unknown.reason.startswith("first second word")
    assert len(unknown.reason) <= 200
    assert unknown.title.startswith("OddError: first second word word")
    assert unknown.title.endswith(" word…, broken at load")


def test_what_our_own_checks_raise_is_no_part_of_a_title() -> None:
    (failure,) = failures(
        [make_cell(OLD, "a", Outcome.BROKEN, exception="probe.cell.CheckFailed", message="width 512")]
    )
    assert failure.title == "width 512, broken at load"
    assert failure.reason == ""
    assert failure.target.anchor == "failure-1"
