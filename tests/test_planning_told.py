"""What is told of a plan, of one environment's story, and of what a run costs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from factories import make_cell, make_environment, make_environment_result, make_evidence
from plan_commands import Making, making, options, report_on, said
from planned import NEW_ID, OLD_ID, checkout, make_plan

from asrcompat.cli import main
from asrcompat.errors import ExitCode
from asrcompat.model import Outcome
from asrcompat.plan.count import coverage_of
from asrcompat.plan.document import Pruned
from asrcompat.planning.cost import told_cost

__all__ = ["making"]  # a fixture


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


def test_why_tells_as_what_a_cell_ran(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = checkout(tmp_path, plan=make_plan())
    environment = make_environment(NEW_ID)
    works = make_cell(environment, "s3prl-hf", evidence=make_evidence(environment, ran_as="some-other"))
    options(file).store.write(make_environment_result(environment, [works]), lock="torch==2.8.0\n")
    assert main(["why", NEW_ID, "--matrix", str(file), "--profile", "wide"]) == ExitCode.OK
    assert "    s3prl-hf on cpu: works (run as some-other, of the same lock)" in said(capsys).splitlines()


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


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("torch=2.3.1 s3prl=0.4.14 transformers=4.41.2", f"in profile 'core': {OLD_ID}: Python 3.10, torch 2.3.1, "),
        ("torch=2.3.1 s3prl=0.4.14 transformers=4.41.2", "`why ID` tells what came of one"),
        ("torch=2.8.0", "torch 2.8.0: in no environment of profile 'core', whose are 2.3.1, newest"),
        ("torch=newest, s3prl=0.4.14", "no environment of profile 'core', which names them one by one, has that; "),
        ("torch=newest, s3prl=0.4.14", "tells what can be: --profile wide"),
    ],
)
def test_versions_of_a_profile_that_has_no_plan_are_looked_for_in_its_environments(
    tmp_path: Path, wanted: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", wanted, "--matrix", str(checkout(tmp_path))]) == ExitCode.OK
    assert told in said(capsys)


def test_what_is_unknown_is_a_fault_that_says_what_to_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, wanted in enumerate(("nonsense", "torch=2.3.1 nonsense")):
        (folder := tmp_path / str(number)).mkdir()
        assert main(["why", wanted, "--matrix", str(checkout(folder))]) == ExitCode.USAGE
        assert f"'{wanted}' is no environment of matrix.toml" in capsys.readouterr().err


def test_a_file_that_several_environments_install_is_fetched_once() -> None:
    told = told_cost([{"torch==2.3.1": 10**9, "a==1": 5 * 10**8}, {"torch==2.3.1": 10**9, "a==2": None}])
    assert told.startswith("1 torch stack; 3 distributions, 1.5 GB to fetch where nothing is cached and 1 of unknown")
