"""What commands do about plans: which one is used, and which environments they have then."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import ROOT
from plan_commands import ENTRY, Making, making, options
from planned import NEW, NEW_ID, OLD, OLD_ID, THIRD, THIRD_ID, checkout, make_plan, row

from asrcompat.cli import main
from asrcompat.errors import ExitCode
from asrcompat.options import parse
from asrcompat.plan.document import keep_plan
from asrcompat.planning.order import by_stack
from asrcompat.planning.planned import plan_in_use, planned
from asrcompat.run.schedule import WORK_VARIABLE

__all__ = ["making"]  # a fixture


def test_a_covering_profile_has_the_environments_of_its_kept_plan(tmp_path: Path) -> None:
    assert options(checkout(tmp_path / "none")).spec.environments("wide") == ()
    given = options(checkout(tmp_path / "kept", plan=make_plan()))
    assert [one.id for one in given.spec.environments("wide")] == [OLD_ID, NEW_ID]
    # the pins of matrix.toml apply to what a plan has chosen as well
    assert [one.pinned_requirements[-1] for one in given.spec.environments("wide")] == ["setuptools<81"] * 2
    assert NEW_ID in [one.id for one in given.spec.all_environments()]


def test_results_without_findings_lie_apart(tmp_path: Path) -> None:
    file = checkout(tmp_path, plan=make_plan())
    assert options(file).store.folder.name == "synthetic-base-without-findings"
    assert parse(["matrix", "--matrix", str(file)])[1].store.folder.name == "synthetic-base"


def test_the_report_of_a_covering_profile_has_a_folder_of_its_own(tmp_path: Path) -> None:
    file = checkout(tmp_path, plan=make_plan())
    assert options(file).reports_folder == tmp_path / "reports" / "wide"
    assert options(file, "--environments", "*").reports_folder.is_relative_to(tmp_path / ".asrcompat")
    assert options(file, "--as-of", "2024-07-01").reports_folder.is_relative_to(tmp_path / ".asrcompat")


def test_a_young_plan_of_the_same_question_is_used_again(tmp_path: Path, making: Making) -> None:
    file = checkout(tmp_path)
    after, plan = planned(options(file), lambda _: None)
    assert plan is not None
    assert [one.id for one in after.chosen_environments] == [OLD_ID, NEW_ID]
    planned(options(file), lambda _: None)
    assert len(making.made) == 1
    planned(options(file, "--fresh"), lambda _: None)
    file.write_text(file.read_text().replace('"4.41.2, newest"', '"newest"'))
    planned(options(file), lambda _: None)
    assert len(making.made) == 3


def test_a_run_holds_its_plan(tmp_path: Path, making: Making, capsys: pytest.CaptureFixture[str]) -> None:
    """Its sessions read it: another plan in its place would take them away."""
    file = checkout(tmp_path, plan=make_plan())
    kept = (tmp_path / ".asrcompat" / "plans" / "wide.json").read_text()
    arguments = ["--matrix", str(file), "--profile", "wide", "--quiet"]
    with plan_in_use(options(file)):
        assert main(["matrix", *arguments]) == ExitCode.UNFINISHED
        assert "another run of profile 'wide' is going on" in capsys.readouterr().err
        assert main(["plan", *arguments, "--fresh"]) == ExitCode.OK
        assert (tmp_path / ".asrcompat" / "plans" / "wide.json").read_text() == kept
    assert main(["plan", *arguments, "--fresh"]) == ExitCode.OK
    assert (tmp_path / ".asrcompat" / "plans" / "wide.json").read_text() != kept


def test_a_profile_without_findings_forgets_what_it_runs_again(tmp_path: Path) -> None:
    """Its results lie apart: no other profile's cells are in them."""
    file = checkout(tmp_path, plan=make_plan())
    assert options(file).whole_cells
    assert not options(file, "--paths", "s3prl-hf").whole_cells


def test_a_plan_of_a_day_is_kept_beside_todays(tmp_path: Path, making: Making) -> None:
    file = checkout(tmp_path)
    after, _ = planned(options(file, "--as-of", "2024-07-01"), lambda _: None)
    assert (tmp_path / ".asrcompat" / "plans" / "wide-as-of-2024-07-01.json").is_file()
    assert [one.id for one in after.chosen_environments] == [OLD_ID, NEW_ID]
    dated = [one.dated(after.as_of) for one in after.chosen_environments]
    assert [one.id for one in dated] == [f"{OLD_ID}-as-of-2024-07-01", f"{NEW_ID}-as-of-2024-07-01"]
    assert dated[0].pins == ()


def test_two_environments_that_are_the_same_on_a_day_are_one(tmp_path: Path, making: Making) -> None:
    file = checkout(tmp_path, plan=make_plan())
    dated = ENTRY + 'as_of = "2024-07-01"\n'
    file.write_text(file.read_text() + ENTRY + dated)
    assert [one.as_of for one in options(file).chosen_environments] == [None, "2024-07-01", None]
    given = options(file, "--as-of", "2024-07-01")
    assert [one.id for one in given.chosen_environments] == [OLD_ID]
    planned(given, lambda _: None)
    assert [one.id for one in making.made[0].kept] == [f"{OLD_ID}-as-of-2024-07-01"]


def test_every_planned_environment_has_a_session_wherever_the_work_is(tmp_path: Path) -> None:
    """nox reads the kept plan as well, from the work folder that a run names."""
    keep_plan(make_plan(profile="nightly"), tmp_path)
    command = [sys.executable, "-m", "nox", "--list", "--noxfile", str(ROOT / "noxfile.py")]
    told = subprocess.run(
        command, env={**os.environ, WORK_VARIABLE: str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert f"- {NEW_ID} -> " in told.stdout


def test_a_profile_of_grids_has_no_plan(tmp_path: Path, making: Making) -> None:
    file = checkout(tmp_path)
    given = parse(["matrix", "--matrix", str(file), "--profile", "core"])[1]
    assert planned(given, lambda _: None) == (given, None)
    assert making.made == []


def test_a_shard_runs_the_plan_that_it_was_given(tmp_path: Path, making: Making) -> None:
    """Whatever is different about its machine."""
    file = checkout(tmp_path, plan=make_plan(made_at=datetime.now(UTC).isoformat(), key="of another machine"))
    _, plan = planned(options(file, "--shard", "1/2"), lambda _: None)
    assert plan is not None
    assert (plan.key, making.made) == ("of another machine", [])


def test_environments_of_one_torch_run_after_each_other(tmp_path: Path) -> None:
    plan = make_plan(rows=(row(OLD_ID, OLD), row(NEW_ID, NEW), row(THIRD_ID, THIRD)))
    requests = options(checkout(tmp_path, plan=plan)).chosen_environments
    told = [[(one.torch, one.python) for one in group] for group in by_stack(requests)]
    assert told == [[("2.3.1", "3.10")], [("2.3.1", "3.12")], [("2.8.0", "3.12")]]
