"""JUnit XML: red for what somebody has to look at."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET

import pytest
from core_results import make_core_results
from factories import TRACEBACK, make_cell, make_check, make_environment, make_expectation, make_results

from asrcompat.model import Cell, CheckOutcome, Outcome, Results, Stage
from asrcompat.report.junit import junit


def read(results: Results) -> ET.Element:
    """Parse what was written."""
    return ET.fromstring(junit(results))  # noqa: S314 - written here


def verdict(cell: Cell, **expectations: object) -> ET.Element | None:
    """Give what a single cell's case holds."""
    case = read(make_results([cell], expectations=expectations)).find("testsuite/testcase")
    assert case is not None
    return next(iter(case), None)


def baseline(cell: Cell, outcome: str = "broken", stage: str = "load") -> dict[str, object]:
    """Make the baseline's entry of a cell."""
    return {**make_expectation(cell), "outcome": outcome, "stage": stage, "reason": "needs a file"}


def test_suites_are_environments_and_cases_are_cells() -> None:
    root = read(make_core_results())
    assert [suite.get("name") for suite in root][:2] == ["py310-torch2.3.1-s3prl0.4.14", "py310-torch2.3.1-s3prl0.4.15"]
    assert [case.get("name") for case in root[0].iter("testcase")][:2] == ["transformers[cpu]", "s3prl-hf[cpu]"]
    assert {name: root.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "36",
        "failures": "5",
        "errors": "1",
        "skipped": "19",
    }
    properties = {item.get("name"): item.get("value") for item in root[0].iter("property")}
    assert properties["s3prl"] == "0.4.14"
    assert properties["torch_build"] == "cu121"


@pytest.mark.parametrize(
    ("outcome", "tag"),
    [
        (Outcome.WORKS, None),
        (Outcome.BROKEN, "failure"),
        (Outcome.UNSTABLE, "failure"),
        (Outcome.ERROR, "error"),
        (Outcome.UNAVAILABLE, "skipped"),
    ],
)
def test_outcomes(outcome: Outcome, tag: str | None) -> None:
    found = verdict(make_cell(outcome=outcome))
    assert (found.tag if found is not None else None) == tag


def test_a_failure_tells_type_message_and_traceback() -> None:
    found = verdict(make_cell(outcome=Outcome.BROKEN))
    assert found is not None
    assert found.get("type") == "OSError"
    assert (found.get("message") or "").startswith("broken at load: Harveenchadha/")
    assert found.text == TRACEBACK


def test_a_known_failure_is_skipped_with_its_reason() -> None:
    cell = make_cell(outcome=Outcome.BROKEN)
    found = verdict(cell, expected=[baseline(cell)])
    assert found is not None
    assert (found.tag, found.get("message")) == ("skipped", "known: broken at load (needs a file)")


def test_a_failure_worse_than_its_baseline_stays_red() -> None:
    cell = make_cell(outcome=Outcome.BROKEN, failed=Stage.IMPORT)
    found = verdict(cell, expected=[baseline(cell)], regressions=[make_expectation(cell)])
    assert found is not None
    assert found.tag == "failure"


def test_a_failure_that_was_expected_to_work_stays_red() -> None:
    cell = make_cell(outcome=Outcome.BROKEN)
    found = verdict(cell, expected=[baseline(cell, "works", "train")])
    assert found is not None
    assert found.tag == "failure"


def test_an_error_is_never_known() -> None:
    cell = make_cell(outcome=Outcome.ERROR)
    found = verdict(cell, expected=[baseline(cell)])
    assert found is not None
    assert found.tag == "error"


def test_a_missing_environment_is_an_error() -> None:
    root = read(make_results(missing=("py310-never",)))
    assert root.get("errors") == "1"
    assert root[-1].get("name") == "py310-never"


def test_what_decides_nothing_is_output_and_no_failure() -> None:
    beside = make_check(Stage.FEATURES, CheckOutcome.FAILED, id="quiet", required=False, message="differs\nby 3.1")
    silent = make_check(Stage.FEATURES, CheckOutcome.ERROR, id="recipe", required=False)
    good = make_check(Stage.FEATURES, id="short", required=False, message="4 frames")
    cell = make_cell()
    root = read(make_results([dataclasses.replace(cell, checks=(*cell.checks, beside, silent, good))]))
    assert (root.get("failures"), root.get("errors")) == ("0", "0")
    output = root.find("testsuite/testcase/system-out")
    assert output is not None
    assert output.text == (
        "failed at features, deciding nothing: quiet: differs by 3.1\nerror at features, deciding nothing: recipe"
    )


def test_a_case_with_nothing_beside_has_no_output() -> None:
    assert read(make_results([make_cell()])).find("testsuite/testcase/system-out") is None


def test_hostile_text_is_readable_xml() -> None:
    evil = "]]></failure>\x00\x1b[31m\ufffe\ud800<&\"'"
    root = read(
        make_results([make_cell(make_environment(evil), evil, Outcome.BROKEN, message=evil)], [make_environment(evil)])
    )
    failure = root.find("testsuite/testcase/failure")
    assert failure is not None
    assert (failure.get("message") or "").endswith("]]></failure>\ufffd<&\"'")
