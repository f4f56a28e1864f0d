"""What the last report has to do with the next plan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from factories import make_environment
from plan_commands import Making, making, options, report_on
from planned import AXES, NEW, OLD, checkout

from asrcompat.plan.near import next_to, row_that_ran
from asrcompat.planning.neighbours import LastRun, last_run
from asrcompat.planning.planned import planned

__all__ = ["making"]  # a fixture


def test_what_stands_next_to_a_failure_differs_in_one_step_and_is_not_known() -> None:
    axes = {"one": ("a", "b", "c"), "other": ("x", "y")}
    found = list(next_to([{"one": "b", "other": "x"}], axes, [{"one": "a", "other": "x"}]))
    assert found == [{"one": "c", "other": "x"}, {"one": "b", "other": "y"}]


def test_failures_that_nothing_explains_strengthen_the_next_plan(tmp_path: Path, making: Making) -> None:
    file = checkout(tmp_path)
    given = options(file)
    assert last_run(given, pytest.fail) == LastRun()
    report_on(tmp_path / "reports" / "wide")
    found = last_run(given, pytest.fail)
    assert (found.rows, found.surprising) == ((OLD, NEW), (NEW,))
    planned(given, lambda _: None)
    asked = making.made[0]
    first = replace(asked, environments=40).first(AXES)
    assert {**NEW, "python": "3.10"} in first
    assert all(sum(one[axis] != NEW[axis] for axis in AXES) == 1 for one in first)
    assert len(replace(asked, environments=8).first(AXES)) == 2
    assert asked.first(AXES) == (), "a quarter of three environments is none"


def test_the_plan_of_one_report_is_one_plan_whatever_was_planned_before(tmp_path: Path, making: Making) -> None:
    file = checkout(tmp_path)
    report_on(tmp_path / "reports" / "wide")
    for arguments in ((), ("--budget", "1"), (), ("--budget", "2h")):
        planned(options(file, *arguments), lambda _: None)
    assert len(making.made) == 1


def test_the_newest_report_on_a_part_or_on_the_whole_counts(tmp_path: Path) -> None:
    file = checkout(tmp_path)
    part = options(file, "--budget", "1").reports_folder
    report_on(tmp_path / "reports" / "wide")
    report_on(part, generated_at="2026-11-26T12:00:00+00:00")
    text = (part / "results.json").read_text().replace('"signature": "known"', '"signature": null')
    (part / "results.json").write_text(text)
    for arguments in ((), ("--budget", "1")):
        assert last_run(options(file, *arguments), pytest.fail).surprising == (OLD, NEW)
    (part / "results.json").write_text("{")
    told: list[str] = []
    assert last_run(options(file), told.append).surprising == (NEW,)
    assert "results.json: not a result file" in told[0]


@pytest.mark.parametrize(
    "changed",
    [
        {"as_of": "2024-07-01"},
        {"derived_from": "another"},
        {"packages": {**make_environment().packages, "fairseq": "0.12.2"}},
        {"packages": {"torch": "2.3.1"}},
    ],
    ids=["another day", "derived", "an extra", "not all axes"],
)
def test_what_is_more_than_values_of_axes_is_no_row(changed: dict[str, Any]) -> None:
    assert row_that_ran(make_environment(**changed)) is None


def test_rows_that_are_no_longer_on_the_axes_have_no_neighbours() -> None:
    assert list(next_to([{**OLD, "torch": "1.13.1"}, {}], AXES, [])) == []
