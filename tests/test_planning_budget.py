"""What a budget is, and what of a plan it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest
from factories import make_environment, make_environment_result
from plan_commands import ENTRY, Making, making, options
from planned import NEW_ID, OLD_ID, checkout, make_plan

from asrcompat.argument_types import Budget
from asrcompat.cli import main
from asrcompat.errors import ExitCode
from asrcompat.options import parse
from asrcompat.planning.budget import environments_in
from asrcompat.planning.planned import planned

__all__ = ["making"]  # a fixture


def test_a_budget_takes_a_part_of_the_plan_that_is_kept(tmp_path: Path, making: Making) -> None:
    """To look at a smaller one takes nothing from the whole."""
    file = checkout(tmp_path)
    planned(options(file), lambda _: None)
    kept = (tmp_path / ".asrcompat" / "plans" / "wide.json").read_text()
    told: list[str] = []
    for budget, rows, beyond in (("1", 1, 2), ("2", 2, 1), ("9", 3, 0)):
        after, plan = planned(options(file, "--budget", budget), told.append)
        assert plan is not None
        assert (len(plan.rows), len(plan.beyond)) == (rows, beyond)
        assert len(after.chosen_environments) == min(rows, 2), "of those that the kept plan has within matrix.toml's"
    assert "plan: --budget 9: matrix.toml has at most 3 environments for this profile" in told
    assert (tmp_path / ".asrcompat" / "plans" / "wide.json").read_text() == kept
    assert len(making.made) == 1


def test_a_budget_of_environments_is_for_what_is_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = checkout(tmp_path)
    assert main(["matrix", "--matrix", str(file), "--budget", "1", "--quiet"]) == ExitCode.USAGE
    assert "--budget 1: profile 'core' names its environments one by one" in capsys.readouterr().err


def test_a_part_of_the_plan_is_reported_apart(tmp_path: Path) -> None:
    file = checkout(tmp_path, plan=make_plan())
    assert options(file, "--budget", "2").reports_folder.is_relative_to(tmp_path / ".asrcompat")


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("40", Budget(environments=40)),
        ("90m", Budget(minutes=90)),
        ("2h", Budget(minutes=120)),
        ("15 min", Budget(minutes=15)),
    ],
)
def test_a_budget_is_of_environments_or_of_time(text: str, budget: Budget) -> None:
    assert parse(["plan", "--budget", text])[1].room == budget


@pytest.mark.parametrize("option", ["--budget=0", "--budget=2d", "--as-of=2024-7-1", "--as-of=2024-02-30", "--disk=x"])
def test_what_is_no_budget_day_or_size_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["matrix", option])
    assert ended.value.code == ExitCode.USAGE
    assert option.partition("=")[0] in capsys.readouterr().err


def test_a_time_is_turned_into_environments_by_those_that_ran(tmp_path: Path) -> None:
    file = checkout(tmp_path, plan=make_plan())
    given = options(file, "--budget", "1h", "--jobs", "1")
    told: list[str] = []
    assert environments_in(given, 40, told.append) == 6
    assert "assumed: none was run yet" in told[-1]
    environment = make_environment(
        NEW_ID, seconds={"resolve": 10.0, "install": 50.0, "probe": 240.0, "load to step": 9.0}
    )
    given.store.write(make_environment_result(environment, []), lock=None)
    assert environments_in(given, 40, told.append) == 12
    assert "the mean of 1 that were run" in told[-1]
    assert environments_in(given, 5, told.append) == 5


def test_a_budget_as_of_a_day_counts_an_environment_once(tmp_path: Path, making: Making) -> None:
    file = checkout(tmp_path, plan=make_plan(as_of="2024-07-01"))
    file.write_text(file.read_text() + ENTRY)
    for budget, ids in (("1", [OLD_ID]), ("2", [OLD_ID, NEW_ID])):
        given = options(file, "--as-of", "2024-07-01", "--budget", budget)
        assert [one.id for one in given.chosen_environments] == ids
