"""What commands do about plans: which environments they have then, what is told of them, and what a budget is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from factories import make_cell, make_environment, make_environment_result, make_results
from planned import AXES, NEW, NEW_ID, OLD, OLD_ID, THIRD, THIRD_ID, checkout, make_plan, row

from asrcompat.argument_types import Budget
from asrcompat.cli import main
from asrcompat.errors import ExitCode
from asrcompat.model import Outcome
from asrcompat.options import Options, parse
from asrcompat.plan.count import coverage_of
from asrcompat.plan.document import Plan, Pruned, keep_plan
from asrcompat.plan.near import next_to, row_that_ran
from asrcompat.planning import planned as module
from asrcompat.planning.budget import environments_in
from asrcompat.planning.cost import told_cost
from asrcompat.planning.neighbours import LastRun, last_run
from asrcompat.planning.order import by_stack
from asrcompat.planning.planned import plan_in_use, planned
from asrcompat.result_files import dump
from asrcompat.run.schedule import WORK_VARIABLE

ENTRY = """
[[profiles.wide.grid]]
python = "3.10"
torch = "2.3.1"
espnet = "202402"
transformers = "4.41.2"
s3prl = "0.4.14"
"""


def options(file: Path, *arguments: str, command: str = "matrix") -> Options:
    return parse([command, "--matrix", str(file), "--profile", "wide", *arguments])[1]


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


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


class Making:
    """Counts the plans that are made, and makes the same one each time."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def __call__(self, asked: Any, sources: Any, *, before: Plan | None, tell: Any) -> Plan:
        self.made.append(asked)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return make_plan(key=asked.key(sources), made_at=now, as_of=asked.as_of)


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> Making:
    monkeypatch.setattr("asrcompat.settings.reachable", lambda _: False)
    making = Making()
    monkeypatch.setattr(module, "make_plan", making)
    return making


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


def test_a_budget_of_environments_is_for_what_is_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = checkout(tmp_path)
    assert main(["matrix", "--matrix", str(file), "--budget", "1", "--quiet"]) == ExitCode.USAGE
    assert "--budget 1: profile 'core' names its environments one by one" in capsys.readouterr().err


def test_a_part_of_the_plan_is_reported_apart(tmp_path: Path) -> None:
    file = checkout(tmp_path, plan=make_plan())
    assert options(file, "--budget", "2").reports_folder.is_relative_to(tmp_path / ".asrcompat")


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


def test_the_plan_is_told_with_reasons_coverage_and_cost(
    tmp_path: Path, making: Making, capsys: pytest.CaptureFixture[str]
) -> None:
    file = checkout(tmp_path)
    assert main(["plan", "--matrix", str(file), "--profile", "wide", "--quiet"]) == ExitCode.OK
    told = said(capsys)
    for line in (
        "    not 2.15.0: there is no torchaudio 2.15.0 to go with it",
        f"    {NEW_ID}: covers pairs: 3 that none before has",
        "beyond the budget (1 environment):",
        "    python 3.10 with torch 2.8.0: Because they clash.",
        "paths: transformers, s3prl-hf; devices: cpu, cuda",
        "    impossible: python 3.10 with torch 2.8.0: as told above",
    ):
        assert line in told.splitlines()
    covered = coverage_of(make_plan())
    assert f"{len(covered.feasible)} feasible, of which {len(covered.covered)} planned" in told
    uncovered = len(covered.uncovered)
    (line,) = [line for line in told.splitlines() if line.startswith(f"    not planned, {uncovered} pairs: ")]
    assert "python 3.10 with transformers 5.24.0" in line
    assert "GB on the disk; about 0.2 h without downloads, " in told
    assert "cost: 1 torch stack; 2 distributions, 1.0 GB to fetch where nothing is cached and 1 of unknown" in told


def test_the_plan_as_json_is_what_is_kept(tmp_path: Path, making: Making, capsys: pytest.CaptureFixture[str]) -> None:
    file = checkout(tmp_path)
    assert main(["plan", "--matrix", str(file), "--profile", "wide", "--json"]) == ExitCode.OK
    told = json.loads(said(capsys))
    assert [one["id"] for one in told["rows"]] == [OLD_ID, NEW_ID]
    counted = told.pop("summary")
    assert told == json.loads((tmp_path / ".asrcompat" / "plans" / "wide.json").read_text())
    covered = coverage_of(make_plan())
    assert counted["pairs"]["feasible"] == len(covered.feasible)
    assert (counted["environments"], counted["torch_stacks"], counted["fetched_gb"]) == (2, 1, 1.0)
    assert counted["seconds"] > 0


def test_a_profile_of_grids_is_listed_and_has_no_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = checkout(tmp_path)
    assert main(["plan", "--matrix", str(file)]) == ExitCode.OK
    assert OLD_ID in said(capsys)
    assert main(["plan", "--matrix", str(file), "--json"]) == ExitCode.USAGE
    assert "has no `cover` table" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (NEW_ID, "planned: covers pairs: 3 that none before has"),
        ("torch=2.15.0", "torch 2.15.0: passed over: there is no torchaudio 2.15.0 to go with it"),
        ("torch=1.0", "torch 1.0: not on its axis, which has 2.3.1, 2.8.0"),
        ("python=3.10 torch=2.8.0 espnet=202402", "cannot be (conflict): python 3.10 with torch 2.8.0:"),
        ("python=3.12, torch=2.8.0", f"planned in {NEW_ID}: covers pairs: 3 that none before has"),
        ("s3prl=espnet-s3prl 2026.5.14", f"planned in {NEW_ID}: covers pairs: 3 that none before has"),
        (
            "python=3.10 transformers=5.24.0",
            "nothing forbids it, and no planned environment has it: its pairs are planned in others",
        ),
        (
            "torch=2.3.1, transformers=4.41.2, s3prl=espnet-s3prl 2026.5.14",
            f"    torch 2.3.1 with transformers 4.41.2: {OLD_ID}",
        ),
        ("torch==2.8.0 espnet-s3prl==2026.5.14", f"planned in {NEW_ID}: covers pairs: 3 that none before has"),
        ("python=3.12 transformers=4.41.2", "undecided: only what says nothing of the packages forbids it"),
        ("python=3.12 espnet=202402 torch=2.3.1", "not planned (not here): python 3.12 with torch 2.3.1:"),
    ],
)
def test_why_tells_the_story(tmp_path: Path, wanted: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    here = Pruned(choices=(("python", "3.12"), ("torch", "2.3.1")), kind="not here", reason="no compiler")
    unsure = (("python", "3.12"), ("transformers", "4.41.2"))
    plan = make_plan()
    file = checkout(tmp_path, plan=replace(plan, pruned=(*plan.pruned, here), undecided=(unsure,)))
    assert main(["why", wanted, "--matrix", str(file), "--profile", "wide"]) == ExitCode.OK
    assert told in said(capsys).splitlines()


def test_why_tells_what_came_of_an_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = checkout(tmp_path, plan=make_plan())
    environment = make_environment(NEW_ID)
    broken = make_cell(environment, "s3prl-hf", Outcome.BROKEN, exception="OddError", message="odd\nand more")
    options(file).store.write(make_environment_result(environment, [broken]), lock="torch==2.8.0\n")
    assert main(["why", NEW_ID, "--matrix", str(file), "--profile", "wide"]) == ExitCode.OK
    assert f"    s3prl-hf on cpu: broken at {broken.stage}: odd" in said(capsys).splitlines()


def test_why_tells_what_the_published_report_says_where_nothing_was_run_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = checkout(tmp_path, plan=make_plan())
    report_on(tmp_path / "reports" / "wide")
    assert main(["why", NEW_ID, "--matrix", str(file), "--profile", "wide"]) == ExitCode.OK
    lines = said(capsys).splitlines()
    assert "not run here yet" in lines
    assert any(line.startswith("in the published report: ran at ") for line in lines)
    assert "    s3prl-hf on cpu: broken at load: a" in lines


def test_versions_without_a_plan_say_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--matrix", str(checkout(tmp_path)), "--profile", "wide"]
    assert main(["why", "torch=2.8.0", *arguments]) == ExitCode.USAGE
    assert (
        "no plan of profile 'wide' is kept yet: make it with `nox -s plan -- --profile wide`" in capsys.readouterr().err
    )


def test_what_is_unknown_is_a_fault_that_says_what_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["why", "nonsense", "--matrix", str(checkout(tmp_path))]) == ExitCode.USAGE
    assert "'nonsense' is no environment of matrix.toml" in capsys.readouterr().err


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


def test_what_stands_next_to_a_failure_differs_in_one_step_and_is_not_known() -> None:
    axes = {"one": ("a", "b", "c"), "other": ("x", "y")}
    found = list(next_to([{"one": "b", "other": "x"}], axes, [{"one": "a", "other": "x"}]))
    assert found == [{"one": "c", "other": "x"}, {"one": "b", "other": "y"}]


def report_on(folder: Path, *, generated_at: str = "2026-11-25T12:00:00+00:00") -> None:
    """A report on the old environment, whose failure is known, and on the new one, whose failure is not."""
    old, new = make_environment(OLD_ID), make_environment(NEW_ID, python="3.12.1")
    old = replace(old, packages={**old.packages, "s3prl": "0.4.14"})
    packages = {"torch": "2.8.0+cpu", "torchaudio": "2.8.0", "transformers": "5.24.0", "espnet": "202402"}
    new = replace(new, packages={**packages, "espnet-s3prl": "2026.5.14"})
    broken = [make_cell(one, "s3prl-hf", Outcome.BROKEN, exception="A", message="a") for one in (old, new)]
    cells = [replace(broken[0], signature="known"), replace(broken[1], signature="unrecognised")]
    found = replace(make_results(cells, [old, new]), profile="wide", generated_at=generated_at)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(dump(found))


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


def test_a_shard_runs_the_plan_that_it_was_given(tmp_path: Path, making: Making) -> None:
    """Whatever is different about its machine."""
    file = checkout(tmp_path, plan=make_plan(made_at=datetime.now(UTC).isoformat(), key="of another machine"))
    _, plan = planned(options(file, "--shard", "1/2"), lambda _: None)
    assert plan is not None
    assert (plan.key, making.made) == ("of another machine", [])


def test_a_budget_as_of_a_day_counts_an_environment_once(tmp_path: Path, making: Making) -> None:
    file = checkout(tmp_path, plan=make_plan(as_of="2024-07-01"))
    file.write_text(file.read_text() + ENTRY)
    for budget, ids in (("1", [OLD_ID]), ("2", [OLD_ID, NEW_ID])):
        given = options(file, "--as-of", "2024-07-01", "--budget", budget)
        assert [one.id for one in given.chosen_environments] == ids


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


def test_environments_of_one_torch_run_after_each_other(tmp_path: Path) -> None:
    plan = make_plan(rows=(row(OLD_ID, OLD), row(NEW_ID, NEW), row(THIRD_ID, THIRD)))
    requests = options(checkout(tmp_path, plan=plan)).chosen_environments
    told = [[(one.torch, one.python) for one in group] for group in by_stack(requests)]
    assert told == [[("2.3.1", "3.10")], [("2.3.1", "3.12")], [("2.8.0", "3.12")]]


def test_a_file_that_several_environments_install_is_fetched_once() -> None:
    told = told_cost([{"torch==2.3.1": 10**9, "a==1": 5 * 10**8}, {"torch==2.3.1": 10**9, "a==2": None}])
    assert told.startswith("1 torch stack; 3 distributions, 1.5 GB to fetch where nothing is cached and 1 of unknown")
