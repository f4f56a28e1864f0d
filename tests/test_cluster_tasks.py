"""One environment of a cluster's run, without a scheduler: how it is stopped on its worker, what of it is taken in."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from conftest import ROOT
from factories import make_cell, make_environment, make_environment_result
from small_run import OLD

from asrcompat.model import Outcome
from asrcompat.options import parse
from asrcompat.run import process, schedule
from asrcompat.run.store import Store
from asrcompat.running import cluster, given_back, remote


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> remote.Task:
    """What a worker is given that runs in this checkout."""
    monkeypatch.setenv("ASRCOMPAT_WORK", str(tmp_path))
    monkeypatch.setenv("ASRCOMPAT_CHECKOUT", str(ROOT))
    digest = remote.checkout_digest(ROOT)
    return remote.Task(run_name="one", name=OLD, choices=(), seconds=600, checkout=digest, profile="core")


def test_what_is_about_to_begin_on_a_worker_when_its_run_is_stopped_is_ended_too(
    task: remote.Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can ask its process to end before there is one; another run's may begin there."""
    run = process.run

    def late(*_: Any, **named: Any) -> process.Finished:
        remote.stop("stopped")
        return run([sys.executable, "-c", f"import time; time.sleep({seconds})"], **named)

    monkeypatch.setattr(process, "run", late)
    seconds = 300
    with pytest.raises(schedule.StoppedError):
        remote.run_task(replace(task, run_name="stopped"), lambda _: None)
    seconds = 1
    assert remote.run_task(task, lambda _: None).code == 0


@pytest.mark.parametrize("fails", [(), ("run",), ("cancel",)])
def test_workers_are_told_to_stop_before_their_tasks_are_forgotten(fails: tuple[str, ...]) -> None:
    """A task that is forgotten first may begin before its worker knows; and what fails keeps nothing from the other."""
    asked: list[str] = []

    def ask(name: str) -> None:
        asked.append(name)
        if name in fails:
            raise OSError("gone")

    client = SimpleNamespace(run=lambda *_, **__: ask("run"), cancel=lambda _: ask("cancel"))
    cluster._Cluster.stop(cast("cluster._Cluster", SimpleNamespace(_client=client, _topic="one", _running={})))
    assert asked == ["run", "cancel"]


def test_a_fault_at_one_environment_stops_no_other_of_its_run(
    task: remote.Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [RuntimeError("can't start new thread")]

    def faulty(*_: Any, seconds: float, **__: Any) -> process.Finished:
        if faults:
            raise faults.pop()
        return process.Finished(code=0, output="", timed_out=False, seconds=seconds)

    monkeypatch.setattr(process, "run", faulty)
    with pytest.raises(RuntimeError, match="can't start"):
        remote.run_task(task, lambda _: None)
    assert remote.run_task(task, lambda _: None).code == 0


@pytest.mark.parametrize(("again", "given_back"), [((), True), (("--again",), False)])
def test_what_lies_there_from_an_earlier_run_is_no_answer_to_again(
    again: tuple[str, ...], given_back: bool, task: remote.Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "run_sessions", lambda *_, **__: [])  # it dies before it begins
    choices = ("--profile", "smoke", *again)
    options = parse(["matrix", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path), *choices])[1]
    (request,) = options.chosen_environments
    environment = make_environment(request.id)
    options.store.write(make_environment_result(environment, [make_cell(environment)]), lock=None)
    done = remote.run_task(replace(task, name=request.id, choices=choices, profile="smoke"), lambda _: None)
    assert (done.refused, done.result is not None) == ("", given_back)


@pytest.mark.parametrize("lock", ["0" * 64, None])
def test_what_a_worker_knew_long_ago_is_not_outranked_by_what_this_machine_could_not_find_out(
    tmp_path: Path, lock: str | None
) -> None:
    """It lacks the Python: what it settled on another day, without workers, is younger and says nothing."""
    store = Store(tmp_path, "synthetic-base")
    found = make_environment("some.cpu", lock_sha256="1" * 64, code="c0de")
    result = make_environment_result(found, [make_cell(found)], generated_at="2026-01-01T00:00:00+00:00")
    for name in ("some", "some.cpu"):
        left = make_environment(name, lock_sha256=lock, code="c0de")
        cell = make_cell(left, outcome=Outcome.UNAVAILABLE)
        store.write(make_environment_result(left, [cell], generated_at="2026-02-02T00:00:00+00:00"), lock=None)
    given_back.make_way(store, ("some", "some.cpu"), result, warn=pytest.fail)
    store.add(result, lock=None, pylock=None)
    assert store.read("some", warn=pytest.fail) is None
    kept = store.read("some.cpu", warn=pytest.fail)
    assert kept is not None
    assert [one.outcome for one in kept.cells] == [Outcome.WORKS]
