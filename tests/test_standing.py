"""What is known is not run again, by a session or by a whole run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from miniature import MiniatureIndex
from small_run import NEW, OLD, PATHS, bench, command, index, outcomes, probed, result
from tiny_lab import Surroundings, package

from asrcompat.model import Outcome
from asrcompat.run import breaker, schedule, session, uv
from asrcompat.run.interpreters import NoInterpreter
from asrcompat.run.store import Store
from asrcompat.running import begin as begin_module
from asrcompat.running import workers
from asrcompat.spec import Request
from asrcompat.standing import standings

__all__ = ["bench", "index"]  # fixtures


def test_a_session_runs_what_is_not_known_and_nothing_twice(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "session", OLD, "--paths", "s3prl-hf") == 0
    assert probed(bench) == [(OLD, ("s3prl-hf",))]
    assert command(tmp_path, "session", OLD) == 0
    assert probed(bench) == [(OLD, ("transformers",))]
    assert "known already: 1 cell;" in capsys.readouterr().out
    first = result(tmp_path)
    shutil.rmtree(tmp_path / "work" / "envs")
    assert command(tmp_path, "session", OLD) == 0
    assert probed(bench) == []
    assert not (tmp_path / "work" / "envs").exists(), "nor is anything installed"
    assert result(tmp_path) == first
    assert outcomes(tmp_path) == {f"{path} on cpu": "works" for path in PATHS}


def test_a_session_that_is_stopped_keeps_what_it_finished_and_goes_on(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.stopped_at.add("s3prl-hf")
    assert command(tmp_path, "session", OLD) == 3
    assert "the cells that were finished are kept" in capsys.readouterr().err
    assert outcomes(tmp_path) == {"transformers on cpu": "works"}
    assert command(tmp_path, "report") == 3, "what is missing is missing"
    bench.stopped_at.clear()
    probed(bench)
    assert command(tmp_path, "session", OLD) == 0
    assert probed(bench) == [(OLD, ("s3prl-hf",))]


def test_the_order_in_which_cells_were_found_is_not_published(bench: Surroundings, tmp_path: Path) -> None:
    for first in PATHS:
        assert command(tmp_path, "session", OLD, "--paths", first, "--again") == 0
        for name in (OLD, NEW):
            assert command(tmp_path, "session", name) == 0
        assert command(tmp_path, "report") == 0
        told = json.loads((tmp_path / "reports" / "results.json").read_bytes())
        assert [cell["path"] for cell in told["cells"]] == [*PATHS, *PATHS]


def test_devices_that_are_not_here_need_no_installation(bench: Surroundings, tmp_path: Path) -> None:
    assert command(tmp_path, "session", OLD, "--devices", "cuda") == 0
    assert outcomes(tmp_path) == {f"{path} on cuda": "unavailable" for path in PATHS}
    assert not (tmp_path / "work" / "envs").exists()
    assert command(tmp_path, "session", OLD) == 0
    probed(bench)
    assert command(tmp_path, "session", OLD, "--devices", "cpu,cuda") == 0
    assert probed(bench) == []
    assert outcomes(tmp_path) == {
        **{f"{path} on cpu": "works" for path in PATHS},
        **{f"{path} on cuda": "unavailable" for path in PATHS},
    }


def test_what_is_told_of_devices_that_are_not_here_stays_as_a_session_left_it(
    bench: Surroundings, tmp_path: Path
) -> None:
    """An unchanged run makes no difference in what is published."""
    kept = tmp_path / "work" / "results" / "synthetic-base" / f"{OLD}.json"
    assert command(tmp_path, "session", OLD) == 0
    assert command(tmp_path, "session", OLD, "--devices", "cpu,cuda") == 0
    told = json.loads(kept.read_bytes())
    for cell in told["cells"]:
        cell["content"] = cell["content"] or "0123456789abcdef" * 2  # a session that ran others gives these keys too
    kept.write_text(json.dumps(told), encoding="utf-8")
    before = result(tmp_path)
    assert command(tmp_path, "session", OLD, "--devices", "cpu,cuda") == 0
    assert result(tmp_path) == before


def test_a_python_that_is_not_here_may_be_where_workers_are(
    bench: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str] = []

    def run_on_cluster(_: object, requests: Sequence[Request], *__: object, **___: object) -> list[Request]:
        given.extend(one.id for one in requests)
        return []

    monkeypatch.setattr("asrcompat.running.command.run_on_cluster", run_on_cluster)
    monkeypatch.setattr("asrcompat.plan.prepare.find", lambda _: NoInterpreter(wanted="3.10", reason="none"))
    assert command(tmp_path, "matrix") == 0
    assert (given, outcomes(tmp_path)) == ([], {f"{path} on cpu": "unavailable" for path in PATHS})
    before = result(tmp_path)
    assert command(tmp_path, "matrix", "--scheduler", "tcp://127.0.0.1:9") == 0
    assert given == [OLD, NEW]
    assert result(tmp_path) == before, "what there is stays until a worker tells more"


@pytest.mark.parametrize("option", ["--again", "--fresh"])
def test_all_is_run_again_where_that_is_asked_for(bench: Surroundings, tmp_path: Path, option: str) -> None:
    for _ in range(2):
        assert command(tmp_path, "matrix", option) == 0
        assert probed(bench) == [(OLD, PATHS), (NEW, PATHS)]


def test_an_unchanged_run_only_resolves_and_reports(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "matrix") == 0
    assert probed(bench) == [(OLD, PATHS), (NEW, PATHS)]
    published = (tmp_path / "reports" / "results.json").read_bytes()
    capsys.readouterr()
    assert command(tmp_path, "matrix") == 0
    assert probed(bench) == []
    said = capsys.readouterr().out
    assert "known already: 4 cells, 2 environments whole" in said
    assert "prepare the checkpoint" not in said
    assert (tmp_path / "reports" / "results.json").read_bytes() == published


def test_what_changed_is_run_and_what_did_not_is_not(
    bench: Surroundings, index: MiniatureIndex, tmp_path: Path
) -> None:
    assert command(tmp_path, "matrix") == 0
    probed(bench)
    package(index, "helper", "1")
    package(index, "espnet", "202611", requires=("helper",))
    shutil.rmtree(tmp_path / "work" / "locks")
    shutil.rmtree(tmp_path / "uv-cache")
    assert command(tmp_path, "matrix") == 0
    assert probed(bench) == [(NEW, PATHS)]


def test_what_ended_in_an_error_is_run_again_and_the_rest_is_kept(bench: Surroundings, tmp_path: Path) -> None:
    bench.trouble.add(NEW)
    assert command(tmp_path, "matrix") == 3
    probed(bench)
    bench.trouble.clear()
    assert command(tmp_path, "matrix") == 0
    assert probed(bench) == [(NEW, PATHS)]


def test_retry_broken_runs_the_broken_cells_alone(bench: Surroundings, tmp_path: Path) -> None:
    assert command(tmp_path, "matrix") == 0
    assert outcomes(tmp_path, NEW)["s3prl-hf on cpu"] == "broken"
    probed(bench)
    shutil.rmtree(tmp_path / "work" / "envs")
    assert command(tmp_path, "matrix", "--retry-broken") == 0
    assert probed(bench) == [(NEW, ("s3prl-hf",))]
    assert len(outcomes(tmp_path, NEW)) == 2


def test_retry_errors_begins_nothing_else(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.trouble.add(NEW)
    assert command(tmp_path, "matrix") == 3
    old = Store(tmp_path / "work", "synthetic-base")
    before = replace(result(tmp_path), environment=replace(result(tmp_path).environment, code="older"))
    old.write(before, lock=None)  # of other code by now: without being asked for, it would be run again
    probed(bench)
    bench.trouble.clear()
    capsys.readouterr()
    assert command(tmp_path, "matrix", "--retry-errors") == 0
    assert probed(bench) == [(NEW, PATHS)]
    assert "to run again: 1 environment, by what became of them the last time" in capsys.readouterr().out
    assert result(tmp_path) == before


def test_a_run_that_is_killed_leaves_no_other_runs_results_as_its_own(
    bench: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(tmp_path, "matrix") == 0
    store = Store(tmp_path / "work", "synthetic-base")
    old = result(tmp_path)
    store.write(replace(old, environment=replace(old.environment, code="older")), lock=None)
    shutil.rmtree(store.folder / "earlier")

    def killed(*_: Any, **__: Any) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(schedule, "run_sessions", killed)
    assert command(tmp_path, "matrix") == 3
    assert store.read(OLD, warn=pytest.fail) is None, "of other code"
    assert len(result(tmp_path, NEW).cells) == 2, "still true"
    assert command(tmp_path, "matrix", "--again", "--paths", "s3prl-hf") == 3
    assert list(outcomes(tmp_path, NEW)) == ["transformers on cpu"], "what was to be run again is not told as run"


def test_a_result_that_another_machine_left_counts_as_found_here(bench: Surroundings, tmp_path: Path) -> None:
    assert command(tmp_path, "matrix") == 0
    probed(bench)
    there = tmp_path / "work" / "results"
    elsewhere = tmp_path / "elsewhere"
    shutil.move(there, elsewhere)
    shutil.rmtree(tmp_path / "work")
    (there / "synthetic-base").mkdir(parents=True)
    for file in (elsewhere / "synthetic-base").glob("*.json"):
        shutil.copy(file, there / "synthetic-base")
    assert command(tmp_path, "matrix") == 0
    assert probed(bench) == []
    assert (tmp_path / "reports" / "locks" / f"{OLD}.txt").is_file(), "its lock is found by resolving"


def test_an_index_that_is_down_for_an_hour_costs_nothing_that_was_known(
    bench: Surroundings, index: MiniatureIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "_REST_SECONDS", 0.2)
    assert command(tmp_path, "matrix") == 0
    probed(bench)
    whole = (tmp_path / "reports" / "results.json").read_bytes()
    shutil.rmtree(tmp_path / "work" / "locks")
    index.pages_trouble = "gone"
    assert command(tmp_path, "matrix") == 3
    told = json.loads((tmp_path / "reports" / "results.json").read_bytes())
    assert {cell["outcome"] for cell in told["cells"]} == {"error"}, "what could not be looked at is not told as found"
    index.pages_trouble = "none"
    (tmp_path / "work" / "index-down.json").unlink(missing_ok=True)
    assert command(tmp_path, "matrix") == 0
    assert probed(bench) == []
    assert (tmp_path / "reports" / "results.json").read_bytes() == whole


def test_a_lock_that_comes_back_is_known_in_parts_too(
    bench: Surroundings, index: MiniatureIndex, tmp_path: Path
) -> None:
    assert command(tmp_path, "session", OLD, "--paths", "s3prl-hf") == 0
    package(index, "helper", "1")
    package(index, "espnet", "202402", requires=("helper",))
    assert command(tmp_path, "session", OLD, "--fresh") == 0
    probed(bench)
    package(index, "espnet", "202402")
    shutil.rmtree(tmp_path / "work" / "locks")
    assert command(tmp_path, "session", OLD) == 0
    assert probed(bench) == [(OLD, ("transformers",))]
    assert set(outcomes(tmp_path).values()) == {"works"}
    assert len(outcomes(tmp_path)) == 2


def test_what_was_laid_by_counts_though_nothing_took_its_place(bench: Surroundings, tmp_path: Path) -> None:
    """A run that was killed just after it had begun."""
    assert command(tmp_path, "session", OLD, "--paths", "s3prl-hf") == 0
    probed(bench)
    Store(tmp_path / "work", "synthetic-base").remove(OLD)
    assert command(tmp_path, "session", OLD) == 0
    assert probed(bench) == [(OLD, ("transformers",))]
    assert set(outcomes(tmp_path)) == {f"{path} on cpu" for path in PATHS}


def test_retrying_an_environment_that_was_stopped_before_its_first_cell_is_gone_on_with(
    bench: Surroundings, tmp_path: Path
) -> None:
    bench.trouble.add(NEW)
    assert command(tmp_path, "matrix") == 3
    bench.trouble.clear()
    bench.stopped_at.add("transformers")
    command(tmp_path, "matrix", "--retry-errors")
    assert Store(tmp_path / "work", "synthetic-base").read(NEW, warn=pytest.fail) is None
    bench.stopped_at.clear()
    probed(bench)
    assert command(tmp_path, "matrix", "--retry-errors") == 0
    assert probed(bench) == [(NEW, PATHS)]


def test_another_build_of_torch_does_not_hide_what_is_known(bench: Surroundings, tmp_path: Path) -> None:
    assert command(tmp_path, "matrix") == 0
    store = Store(tmp_path / "work", "synthetic-base")
    found = result(tmp_path)
    other = OLD.replace("torch2.3.1", "torch2.3.1+cpu")
    cell = replace(found.cells[0], environment=other)
    later = replace(found, generated_at="2999-01-01T00:00:00+00:00", cells=(cell,))
    store.write(replace(later, environment=replace(found.environment, id=other)), lock=None)
    assert command(tmp_path, "matrix") == 0
    assert len(json.loads((tmp_path / "reports" / "results.json").read_bytes())["cells"]) == 4


def test_retrying_that_is_stopped_is_gone_on_with(
    bench: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(tmp_path, "matrix") == 0
    probed(bench)
    bench.stopped_at.add("s3prl-hf")
    command(tmp_path, "matrix", "--retry-broken")
    assert "s3prl-hf on cpu" not in outcomes(tmp_path, NEW)
    bench.stopped_at.clear()
    probed(bench)
    assert command(tmp_path, "matrix", "--retry-broken") == 0
    assert probed(bench) == [(NEW, ("s3prl-hf",))]


def test_what_another_run_finished_meanwhile_is_not_forgotten(
    bench: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between how things were found to stand and what is forgotten by that."""
    there = standings

    def meanwhile(*given: Any, **more: Any) -> Any:
        found = there(*given, **more)
        assert command(tmp_path, "session", OLD) == 0
        return found

    monkeypatch.setattr(begin_module, "standings", meanwhile)
    assert command(tmp_path, "matrix") == 0
    assert probed(bench) == [(OLD, PATHS), (NEW, PATHS)]


def test_cells_that_the_report_refuses_are_not_known(bench: Surroundings, tmp_path: Path) -> None:
    assert command(tmp_path, "session", OLD) == 0
    probed(bench)
    found = result(tmp_path)
    first, *rest = found.cells
    assert first.evidence is not None
    foreign = replace(first, evidence=replace(first.evidence, versions={"torch": "1.0"}))
    Store(tmp_path / "work", "synthetic-base").write(replace(found, cells=(foreign, *rest)), lock=None)
    assert command(tmp_path, "session", OLD) == 0
    assert probed(bench) == [(OLD, (first.path,))]


def test_a_failed_installation_takes_the_place_of_cells_that_ran(
    bench: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both cannot be told of one environment."""
    assert command(tmp_path, "session", OLD, "--paths", "transformers") == 0
    monkeypatch.setattr(session, "build", lambda *_, **__: uv.Failure(kind="build", message="no compiler"))
    assert command(tmp_path, "session", OLD) == 0
    found = result(tmp_path)
    assert found.environment.installable == "failed"
    assert len(found.cells) == 2, "of the cell that was known as well"
    assert {cell.outcome for cell in found.cells if cell.device == "cpu"} == {Outcome.BROKEN}


def test_an_installation_that_could_not_be_tried_leaves_what_ran(
    bench: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(tmp_path, "session", OLD, "--paths", "transformers") == 0
    monkeypatch.setattr(session, "build", lambda *_, **__: uv.Failure(kind="error", message="the network is down"))
    assert command(tmp_path, "session", OLD, "--paths", "s3prl-hf") == 3
    found = result(tmp_path)
    assert found.environment.installable == "ok"
    assert (outcomes(tmp_path)["transformers on cpu"], outcomes(tmp_path)["s3prl-hf on cpu"]) == ("works", "error")


def test_what_is_known_stays_where_no_scheduler_answers(
    bench: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workers, "_CONNECT_SECONDS", 1)
    assert command(tmp_path, "session", OLD) == 0
    kept = outcomes(tmp_path)
    assert kept
    assert command(tmp_path, "matrix", "--scheduler", "tcp://127.0.0.1:9", "--again") == 2
    assert "no scheduler answers there" in capsys.readouterr().err
    assert outcomes(tmp_path) == kept
