"""A run on a real Dask scheduler and its workers, all processes; one is killed, and one has another checkout."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from distributed import Client
from factories import make_cell, make_environment, make_environment_result
from fake_probe import LIBC_VARIABLE
from miniature import MiniatureIndex
from small_checkout import command, environment, make_checkout, processes_in, published, run, start
from small_run import NEW, OLD, index
from test_kill import SLOW_S3PRL, gone, held_until, undisturbed
from tiny_lab import package
from waiting import comes

from asrcompat.cli import main
from asrcompat.errors import HarnessError, UsageError
from asrcompat.model import Outcome
from asrcompat.options import parse
from asrcompat.plan.dispatch import Dispatch
from asrcompat.plan.shard import Job
from asrcompat.run import process, schedule
from asrcompat.run.progress import Progress
from asrcompat.run.store import Store
from asrcompat.running import cluster, given_back, remote, workers

__all__ = ["index"]  # a fixture

ROOT = Path(__file__).parents[1]


@pytest.fixture
def checkout(tmp_path: Path, index: MiniatureIndex) -> Iterator[Path]:
    package(index, "s3prl", "0.4.15", SLOW_S3PRL)
    yield make_checkout(tmp_path, index)
    assert gone(tmp_path), processes_in(tmp_path)


def dawdle(index: MiniatureIndex) -> None:
    """Have each path take so long that something may befall it."""
    package(index, "s3prl", "0.4.15", SLOW_S3PRL.replace("0.2", "5"))


class Scheduler:
    """A scheduler and its workers, each a process with a work folder of its own."""

    def __init__(self, checkout: Path, stack: ExitStack) -> None:
        self._checkout, self._stack = checkout, stack
        self._file = checkout / "scheduler.json"
        self._scheduler = self._begin(
            "scheduler", "--port", "0", "--host", "127.0.0.1", "--scheduler-file", str(self._file)
        )
        assert comes(self._told)
        self.address: str = self._told()["address"]

    def _told(self) -> dict[str, Any]:
        """What the scheduler tells of itself; nothing as long as its file is not there, or not whole."""
        try:
            return dict(json.loads(self._file.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return {}

    def ready(self, count: int) -> None:
        """Wait for so many workers."""
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)

    def kill(self) -> None:
        """Kill the scheduler itself."""
        self._scheduler.kill()
        self._scheduler.wait(20)

    def worker(
        self, name: str, *, checkout: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a worker in this checkout, or in another, with these variables."""
        own = {"ASRCOMPAT_CHECKOUT": str(checkout or self._checkout), "ASRCOMPAT_WORK": str(self._checkout / name)}
        own |= variables or {}
        options = ["--nthreads", "1", "--no-nanny", "--name", name]
        options += ["--local-directory", str(self._checkout / "dask")]
        return self._begin("worker", self.address, *options, "--host", "127.0.0.1", **own)

    def _begin(self, what: str, *options: str, **variables: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options, "--no-dashboard"]
        log = self._stack.enter_context((self._checkout / f"{what}.log").open("ab"))
        env = {**environment(self._checkout), **variables}
        process = subprocess.Popen(words, cwd=self._checkout, env=env, stdout=log, stderr=subprocess.STDOUT)
        self._stack.callback(process.wait, 20)
        self._stack.callback(process.kill)
        return process


@pytest.fixture
def scheduler(checkout: Path) -> Iterator[Scheduler]:
    with ExitStack() as stack:
        yield Scheduler(checkout, stack)


def test_two_workers_report_what_one_machine_does(checkout: Path, scheduler: Scheduler) -> None:
    expected, _ = undisturbed(checkout)
    for name in ("one", "two"):
        scheduler.worker(name)
    scheduler.ready(2)
    code, said = run(checkout, command(checkout, "matrix", "--scheduler", scheduler.address, "--jobs", "1"))
    assert code == 0, said
    assert published(checkout) == expected
    for name in (OLD, NEW):
        assert f"{name}: begins on tcp://" in said
        assert f"{name}: transformers: works" in said, "progress comes along"
    ran = {name: len(list((checkout / name / "results").rglob("*.json"))) for name in ("one", "two")}
    assert ran == {"one": 1, "two": 1}
    assert not (checkout / ".asrcompat" / "envs").exists(), "nothing is installed here"
    code, said = run(checkout, command(checkout, "matrix", "--scheduler", scheduler.address))
    assert (code, "begins on" in said) == (0, False), "what they found is known here"


def test_what_a_killed_worker_had_is_run_elsewhere(checkout: Path, scheduler: Scheduler, index: MiniatureIndex) -> None:
    gate = checkout / "gate"
    package(index, "s3prl", "0.4.15", held_until(gate))
    gate.touch()
    expected, _ = undisturbed(checkout)
    gate.unlink()
    both = [scheduler.worker(name) for name in ("one", "two")]
    scheduler.ready(2)
    words = command(checkout, "matrix", "--scheduler", scheduler.address, "--jobs", "1")
    output = checkout / "output.txt"
    with start(checkout, words) as client:
        assert comes(lambda: output.exists() and output.read_text().count("install: done") == 2)
        both[0].kill()
        both[0].wait(20)
        gate.touch()
        assert client.wait(120) == 0, output.read_text()
    assert "is lost" in output.read_text()
    assert published(checkout) == expected


def test_a_worker_installs_what_was_resolved_here_whatever_it_resolved_before(
    checkout: Path, scheduler: Scheduler, index: MiniatureIndex
) -> None:
    scheduler.worker("one")
    scheduler.ready(1)
    words = command(checkout, "matrix", "--scheduler", scheduler.address)
    assert run(checkout, words)[0] == 0
    package(index, "helper", "1")
    package(index, "espnet", "202611", requires=("helper",))
    shutil.rmtree(checkout / "uv-cache")  # it has the index's pages
    shutil.rmtree(checkout / ".asrcompat")  # this machine's; what the worker resolved is young there
    code, said = run(checkout, words)
    assert code == 0, said
    assert "helper==1" in (checkout / "reports" / "locks" / f"{NEW}.txt").read_text()
    assert "resolved another lock" not in said
    code, said = run(checkout, words)
    assert (code, "begins on" in said) == (0, False), "so all of it is known here"


def test_a_worker_of_another_kind_resolves_for_itself_and_that_is_told(
    checkout: Path, scheduler: Scheduler, index: MiniatureIndex
) -> None:
    scheduler.worker("odd", variables={LIBC_VARIABLE: "2.17"})
    scheduler.ready(1)
    words = command(checkout, "matrix", "--scheduler", scheduler.address, "--environments", NEW)
    assert run(checkout, words)[0] == 0
    package(index, "helper", "1")
    package(index, "espnet", "202611", requires=("helper",))
    shutil.rmtree(checkout / "uv-cache")
    shutil.rmtree(checkout / ".asrcompat")
    code, said = run(checkout, words)
    assert code == 0, said
    assert f"{NEW}: tcp://" in said
    assert "resolved another lock than this machine" in said, "its own is young"
    code, said = run(checkout, [*words, "--fresh"])
    assert code == 0, said
    assert "resolved another lock than this machine" not in said, "and not asked for any more"


@pytest.mark.slow  # a client waits half a minute for its scheduler to come back
def test_a_killed_scheduler_is_told_and_what_was_finished_is_kept(
    checkout: Path, scheduler: Scheduler, index: MiniatureIndex
) -> None:
    dawdle(index)
    scheduler.worker("one")
    scheduler.ready(1)
    words = command(checkout, "matrix", "--scheduler", scheduler.address, "--jobs", "1")
    output = checkout / "output.txt"
    with start(checkout, words) as client:
        assert comes(lambda: output.exists() and output.read_text().count("install: done") == 2)
        scheduler.kill()
        assert client.wait(120) == 3, output.read_text()
    said = output.read_text()
    assert f"{scheduler.address}: the scheduler is gone" in said
    assert "take it over by `merge`" in said
    kept = [file.stem for file in (checkout / ".asrcompat" / "results").rglob("py*.json")]
    assert len(kept) == 1, "the environment that was done by then"


def test_two_runs_on_one_scheduler_do_not_tell_of_each_other(checkout: Path, scheduler: Scheduler) -> None:
    for name in ("one", "two"):
        scheduler.worker(name)
    scheduler.ready(2)

    def of(name: str) -> subprocess.Popen[str]:
        words = command(checkout, "matrix", "--scheduler", scheduler.address, "--environments", name)
        return subprocess.Popen(
            [*words, "--work", str(checkout / f"work-{name}")],
            cwd=checkout,
            env=environment(checkout),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    with of(OLD) as old, of(NEW) as new:
        said = {OLD: old.communicate(timeout=120)[0], NEW: new.communicate(timeout=120)[0]}
    for name, other in ((OLD, NEW), (NEW, OLD)):
        assert f"{name}: transformers: works" in said[name], said[name]
        assert other not in said[name], said[name]


def test_a_worker_with_another_checkout_is_passed_over(checkout: Path, scheduler: Scheduler, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("noxfile.py", "matrix.toml"):
        shutil.copy(checkout / name, other)
    (other / "matrix.toml").write_text((other / "matrix.toml").read_text() + "\n# of another day\n")
    scheduler.worker("odd", checkout=other)
    scheduler.worker("one")
    scheduler.ready(2)
    code, said = run(checkout, command(checkout, "matrix", "--scheduler", scheduler.address, "--jobs", "1"))
    assert code == 0, said
    assert "is passed over: its checkout is another" in said
    assert "4 cells in 2 environments: 3 works, 1 broken." in said
    ran = {name: len(list((checkout / name / "results").rglob("*.json"))) for name in ("odd", "one")}
    assert ran == {"odd": 0, "one": 2}


@pytest.mark.parametrize("moment", ["begins on", "install: done"])
def test_an_interrupt_ends_what_runs_on_the_workers(
    checkout: Path, scheduler: Scheduler, index: MiniatureIndex, moment: str
) -> None:
    package(index, "s3prl", "0.4.15", held_until(checkout / "never"))
    scheduler.worker("one")
    words = command(checkout, "matrix", "--scheduler", scheduler.address, "--jobs", "1")
    output = checkout / "output.txt"
    with start(checkout, words) as client:
        assert comes(lambda: output.exists() and moment in output.read_text())
        client.terminate()
        assert client.wait(60) == 3
    assert "stopped; what was finished is kept" in output.read_text()
    time.sleep(5)  # what was about to begin is there by now, if it is to come
    assert comes(lambda: not any("--session" in line for line in processes_in(checkout)))


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


def test_without_a_scheduler_or_workers_that_is_said(
    scheduler: Scheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_WAIT_SECONDS", 1.0)
    options = parse(
        ["matrix", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path), "--scheduler", scheduler.address]
    )[1]
    some = options.chosen_environments[:2]

    def attempt() -> None:
        cluster.run_on_cluster(options, some, {}, progress=Progress(quiet=True), seconds=10, until=None)

    with pytest.raises(HarnessError, match="no worker is there to run 2 environments; start some with `dask worker"):
        attempt()
    scheduler.worker("without")
    options = parse(["matrix", "--scheduler", scheduler.address, "--devices", "cuda", "--work", str(tmp_path)])[1]
    with pytest.raises(HarnessError, match="no worker that offers the resource GPU"):
        attempt()


def test_cuda_is_for_workers_whatever_this_machine_lacks(
    checkout: Path, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command itself: what is settled here is never given out."""
    monkeypatch.setattr(cluster, "_WAIT_SECONDS", 1.0)
    monkeypatch.setattr("asrcompat.run.host.cuda_devices", tuple)
    scheduler.worker("without")
    scheduler.ready(1)
    arguments = ["--matrix", str(checkout / "matrix.toml"), "--scheduler", scheduler.address, "--devices", "cuda"]
    assert main(["matrix", *arguments]) == 3
    said = capsys.readouterr()
    assert said.out.count(f"waits for a worker at {scheduler.address}, 1 s at most") == 1
    assert "no worker that offers the resource GPU is there to run" in said.err


def test_what_does_not_go_with_a_scheduler_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--matrix", str(ROOT / "matrix.toml"), "--scheduler", "tcp://127.0.0.1:9", "--disk", "12"]
    assert main(["matrix", *arguments]) == 2
    assert "--disk: what the workers of a --scheduler have is theirs; leave it out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "missing", "told"),
    [
        ("tcp://127.0.0.1:9", False, "no scheduler answers there"),
        ("nonsense://x", False, "no scheduler answers there"),
        ("tcp://127.0.0.1:9", True, "--scheduler needs Dask: .venv/bin/pip install -e '.[dask]'"),
    ],
)
def test_what_is_missing_is_named_with_the_remedy(
    address: str, missing: bool, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_CONNECT_SECONDS", 1)
    if missing:
        monkeypatch.setitem(sys.modules, "distributed", None)
    options = parse(["matrix", "--matrix", str(ROOT / "matrix.toml"), "--scheduler", address])[1]
    with pytest.raises(UsageError, match=re.escape(told)):
        cluster.run_on_cluster(options, [], {}, progress=Progress(quiet=True), seconds=10, until=None)


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


def job(name: str, stack: str, seconds: float = 1.0) -> Job:
    return Job(id=name, stack=stack, seconds=seconds)


def given_to(dispatch: Dispatch, machine: str) -> str | None:
    found = dispatch.next_for(machine)
    return None if found is None else found.id


def test_a_machine_keeps_to_its_stack_while_there_is_work_on_it() -> None:
    dispatch = Dispatch([job("a1", "a", 3), job("a2", "a", 2), job("b1", "b", 4), job("b2", "b", 2)])
    assert [given_to(dispatch, one) for one in ("x", "y", "x", "y", "x")] == ["b1", "a1", "b2", "a2", None]


def test_a_lost_machines_environment_is_given_out_again_and_its_stacks_are_forgotten() -> None:
    dispatch = Dispatch([job("a1", "a"), job("b1", "b")])
    lost = dispatch.next_for("x")
    assert lost is not None
    dispatch.gone("x")
    dispatch.give_back(lost)
    assert len(dispatch) == 2
    assert {given_to(dispatch, "y"), given_to(dispatch, "z")} == {"a1", "b1"}
    assert len(dispatch) == 0


def test_what_is_dropped_is_told_and_not_given_out() -> None:
    dispatch = Dispatch([job("a1", "a"), job("b1", "b")])
    late = Dispatch([job("a1", "a")])
    given = late.next_for("x")
    assert given is not None
    late.drop()
    late.give_back(given)
    assert len(late) == 1, "whoever drops decides what becomes of it"
    assert {one.id for one in dispatch.drop()} == {"a1", "b1"}
    assert given_to(dispatch, "x") is None


def test_every_environment_is_given_out_once() -> None:
    dispatch = Dispatch([job(str(n), f"stack{n % 3}", n) for n in range(50)])
    found = [given_to(dispatch, f"machine{n % 4}") for n in range(50)]
    assert sorted(map(str, found), key=int) == [str(n) for n in range(50)]
