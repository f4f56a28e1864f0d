"""What several machines ran is put together: a sharded run reports what one machine alone would."""

from __future__ import annotations

import json
import re
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import planned as plans
import pytest
from factories import make_cell, make_environment, make_environment_result, make_evidence, make_results
from small_run import NEW, OLD, PATHS, bench, command, index, probed
from tiny_lab import Surroundings

from asrcompat.cli import main
from asrcompat.model import Cell, EnvironmentResult
from asrcompat.options import parse
from asrcompat.plan.document import keep_plan
from asrcompat.planning.shards import in_shard, job_matrix, profile_shards, shard_lines
from asrcompat.result_files import dump
from asrcompat.run.store import Store
from asrcompat.running import merge

__all__ = ["bench", "index"]  # fixtures


def normalised(tmp_path: Path) -> str:
    """The published results without what differs from run to run: times, and the stand-in's tracebacks of folders."""
    text = (tmp_path / "reports" / "results.json").read_text(encoding="utf-8")
    text = re.sub(r'"(generated_at|ran_at|since)": "[^"]*"', r'"\1": "when"', text)
    text = re.sub(r"/(work|\d)/envs/", "/envs/", text)
    return re.sub(r'"(resolve|install|probe)": [\d.]+', r'"\1": 0', text)


def test_two_shards_and_a_merge_report_what_a_whole_run_does(bench: Surroundings, tmp_path: Path) -> None:
    assert command(tmp_path, "matrix") == 0
    assert probed(bench) == [(OLD, PATHS), (NEW, PATHS)]
    whole = normalised(tmp_path)
    shutil.rmtree(tmp_path / "reports")
    ran = []
    for shard in ("1/2", "2/2"):
        assert command(tmp_path, "matrix", "--shard", shard, work=shard[0]) == 0
        ran += probed(bench)
        assert not (tmp_path / "reports").exists(), "a part takes no whole report's place"
    assert sorted(ran) == sorted([(OLD, PATHS), (NEW, PATHS)])
    assert command(tmp_path, "merge", str(tmp_path / "1"), str(tmp_path / "2")) == 0
    assert normalised(tmp_path) == whole
    for name in (OLD, NEW):
        assert (tmp_path / "reports" / "locks" / f"{name}.txt").is_file()
    assert command(tmp_path, "matrix") == 0
    assert probed(bench) == [], "what was merged is known"


def test_what_no_shard_ran_is_missing(bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path, "matrix", "--shard", "1/2", work="1") == 0
    assert command(tmp_path, "merge", str(tmp_path / "1")) == 3
    told = json.loads((tmp_path / "reports" / "results.json").read_bytes())
    assert len(told["missing"]) == 1


@pytest.mark.parametrize("choice", [("--devices", "cpu"), ("--paths", "s3prl-hf"), ("--environments", f"{OLD}*")])
def test_what_the_machines_were_asked_for_is_all_that_a_merge_expects(
    bench: Surroundings, tmp_path: Path, choice: tuple[str, str]
) -> None:
    """As `matrix` with the same choice: what nobody asked for is not missing."""
    matrix = tmp_path / "matrix.toml"
    matrix.write_text(matrix.read_text(encoding="utf-8").replace('devices = ["cpu"]', 'devices = ["cpu", "cuda"]'))
    chosen = choice if choice[0] == "--devices" else (*choice, "--devices", "cpu")
    whole = command(tmp_path, "matrix", *chosen, work="1")
    assert whole == 0
    assert command(tmp_path, "merge", str(tmp_path / "1")) == 3, "the rest of the profile is missing"
    assert command(tmp_path, "merge", str(tmp_path / "1"), *chosen) == whole
    assert command(tmp_path, "report", *chosen) == whole


def test_a_torn_result_is_named_and_the_others_are_taken(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "matrix", work="1") == 0
    file = tmp_path / "1" / "results" / "synthetic-base" / f"{OLD}.json"
    file.write_bytes(file.read_bytes()[:1000])
    capsys.readouterr()
    assert command(tmp_path, "merge", str(tmp_path / "1")) == 3
    assert f"passed over: {file}" in capsys.readouterr().out
    assert Store(tmp_path / "work", "synthetic-base").read(NEW, warn=pytest.fail) is not None


def test_a_shard_of_nothing_has_nothing_to_do(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = [command(tmp_path, "matrix", "--shard", f"{number}/3", work=str(number)) for number in (1, 2, 3)]
    assert codes == [0, 0, 0]
    assert "0 of 2 environments" in capsys.readouterr().out
    assert len(probed(bench)) == 2


def test_where_no_folder_has_results_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    matrix = plans.checkout(tmp_path)
    assert main(["merge", str(tmp_path / "nowhere"), "--matrix", str(matrix)]) == 3
    said = capsys.readouterr()
    assert "nowhere: passed over: no results in it; name a run's work folder" in said.out
    assert "none of these folders has results" in said.err


def test_a_machine_that_broke_before_its_first_result_costs_its_own_alone(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "matrix", work="1") == 0
    (tmp_path / "2" / "plans").mkdir(parents=True)
    assert command(tmp_path, "merge", str(tmp_path / "1"), str(tmp_path / "2")) == 0
    assert "2: passed over: no results in it" in capsys.readouterr().out


def results_in(work: Path, *results: EnvironmentResult, store: str = "synthetic-base-without-findings") -> Path:
    there = Store(work, "synthetic-base", findings=not store.endswith("findings"))
    for one in results:
        there.write(one, lock="torch==1\n")
    return work


def test_machines_with_different_plans_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = plans.checkout(tmp_path)
    environment = make_environment(plans.OLD_ID)
    plan = plans.make_plan()
    for name, rows in (("1", plan.rows), ("2", plan.rows[:1])):
        results_in(tmp_path / name, make_environment_result(environment))
        keep_plan(replace(plan, rows=rows), tmp_path / name)
    folders = [str(tmp_path / "1"), str(tmp_path / "2")]
    assert main(["merge", *folders, "--matrix", str(matrix), "--profile", "wide"]) == 3
    assert "different plans" in capsys.readouterr().err
    _, asked, _ = parse(["merge", folders[1], "--matrix", str(matrix), "--profile", "wide"])
    assert len(asked.chosen_environments) == 0
    monkeypatch.setattr(merge, "publish_report", lambda options, judged: len(judged))
    assert merge.merge(asked) == 1, "the plan that they ran is taken over"


def test_of_two_results_that_belong_together_each_cell_is_the_newest(tmp_path: Path) -> None:
    environment = make_environment()
    old, new = (
        make_environment_result(environment, [make_cell(environment, path, message=when) for path in paths])
        for when, paths in (("old", ("a", "b")), ("new", ("b", "c")))
    )
    old, new = replace(old, generated_at="2026-01-01"), replace(new, generated_at="2026-01-02")
    for number, order in enumerate(((old, new), (new, old))):
        store = Store(tmp_path / str(number), "synthetic-base")
        for one in order:
            store.add(one, lock="the lock", pylock=None)
        found = store.read(environment.id, warn=pytest.fail)
        assert found is not None
        assert {cell.path: cell.message for cell in found.cells} == {"a": "old", "b": "new", "c": "new"}


def test_a_cell_that_was_run_later_stands_whatever_the_date_of_its_file(tmp_path: Path) -> None:
    """A result of the 2nd may hold what was known since the 1st at midnight; another machine ran that at noon."""
    environment = make_environment()

    def cell(path: str, started: str) -> Cell:
        return make_cell(environment, path, message=started, evidence=make_evidence(environment, started=started))

    midnight, noon, later = "2026-01-01T00:00:00+00:00", "2026-01-01T13:00:00+01:00", "2026-01-02T00:00:00+00:00"
    first = make_environment_result(environment, [cell("a", noon), cell("b", noon), cell("c", "torn")])
    second = make_environment_result(environment, [cell("a", midnight), cell("b", later), cell("c", midnight)])
    first, second = replace(first, generated_at=noon), replace(second, generated_at=later)
    for number, order in enumerate(((first, second), (second, first))):
        store = Store(tmp_path / str(number), "synthetic-base")
        for one in order:
            store.add(one, lock="the lock", pylock=None)
        found = store.read(environment.id, warn=pytest.fail)
        assert found is not None
        assert found.generated_at == later
        assert {cell.path: cell.message for cell in found.cells} == {"a": noon, "b": later, "c": midnight}


def test_what_is_taken_over_waits_for_a_session_of_that_environment(tmp_path: Path) -> None:
    """Both read what there is and write it anew: the one that came between would be lost."""
    environment = make_environment("py3.10-torch2.3.1+cpu-s3prl0.4.15")
    store = Store(tmp_path, "synthetic-base")
    mine, theirs = (make_environment_result(environment, [make_cell(environment, path)]) for path in ("a", "b"))
    waits = threading.Event()
    taking = threading.Thread(
        target=store.add, args=(theirs,), kwargs={"lock": None, "pylock": None, "tell": lambda _: waits.set()}
    )
    with store.alone("py3.10-torch2.3.1-s3prl0.4.15", pytest.fail):
        taking.start()
        assert waits.wait(20)
        store.write(mine, lock=None)
    taking.join(20)
    found = store.read(environment.id, warn=pytest.fail)
    assert found is not None
    assert {cell.path for cell in found.cells} == {"a", "b"}


def test_of_two_results_of_different_locks_the_newer_stays(tmp_path: Path) -> None:
    environment = make_environment()
    old, new = (
        replace(make_environment_result(replace(environment, lock_sha256=lock * 64)), generated_at=when)
        for lock, when in (("a", "2026-01-01"), ("b", "2026-01-02"))
    )
    for number, order in enumerate(((old, new), (new, old))):
        store = Store(tmp_path / str(number), "synthetic-base")
        for one in order:
            store.add(one, lock=one.environment.lock_sha256, pylock=None)
        assert store.read(environment.id, warn=pytest.fail) == new
        assert store.lock(environment) == "b" * 64


def test_shards_are_the_same_whatever_lies_in_the_work_folder(tmp_path: Path) -> None:
    _, asked, _ = parse(["plan", "--matrix", str(plans.checkout(tmp_path))])
    before = profile_shards(asked, 2)
    first = before[0].requests[0]
    slow = replace(make_environment(first.id), seconds={"probe": 100_000.0})
    results_in(asked.work_folder, make_environment_result(slow), store="synthetic-base")
    assert profile_shards(asked, 2) == before


def test_shards_go_by_what_the_published_report_says(tmp_path: Path) -> None:
    _, asked, _ = parse(["plan", "--matrix", str(plans.checkout(tmp_path))])
    *others, slow = asked.chosen_environments  # the only one of its torch
    environment = replace(make_environment(slow.id), seconds={"probe": 100_000.0})
    quick = [replace(make_environment(one.id), seconds={"probe": 1.0}) for one in others]
    results = replace(make_results(), environments=(environment, *quick))
    asked.published_folder.mkdir(parents=True)
    (asked.published_folder / "results.json").write_text(dump(results), encoding="utf-8")
    found = profile_shards(asked, 2)
    assert [slow.id] in [[one.id for one in shard.requests] for shard in found]


def test_every_environment_is_one_shards(tmp_path: Path) -> None:
    matrix = plans.checkout(tmp_path)
    _, asked, _ = parse(["plan", "--matrix", str(matrix)])
    found = []
    for number in (1, 2, 3):
        _, own, _ = parse(["matrix", "--matrix", str(matrix), "--shard", f"{number}/3"])
        found += [one.id for one in in_shard(own)]
    assert sorted(found) == sorted(one.id for one in asked.chosen_environments)


def test_the_plan_prints_the_shards_for_people_and_as_a_job_matrix(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix = plans.checkout(tmp_path)
    assert main(["plan", "--matrix", str(matrix), "--shards", "2"]) == 0
    assert "shard 1/2: torch " in capsys.readouterr().out
    assert main(["plan", "--matrix", str(matrix), "--shards", "9", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["include"]
    assert len(rows) == 5, "a job for each that has something to run"
    assert all(row["environments"] and row["stacks"] and row["minutes"] for row in rows)
    _, asked, _ = parse(["plan", "--matrix", str(matrix)])
    empty = profile_shards(asked, 9)[-1:]
    assert json.loads(job_matrix(empty)) == {"include": []}
    assert list(shard_lines(empty)) == ["shard 9/9: 0 environments, about 1 min one by one"]
