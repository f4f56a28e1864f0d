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
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from distributed import Client
from fake_probe import LIBC_VARIABLE
from miniature import MiniatureIndex
from small_checkout import command, environment, make_checkout, processes_in, published, run, start
from small_run import NEW, OLD, index
from test_kill import SLOW_S3PRL, gone, held_until, undisturbed
from tiny_lab import package
from waiting import comes

from asrcompat.cli import main
from asrcompat.errors import HarnessError, UsageError
from asrcompat.options import parse
from asrcompat.run.progress import Progress
from asrcompat.running import cluster, workers

__all__ = ["index"]  # a fixture


@pytest.fixture
def checkout(tmp_path: Path, index: MiniatureIndex) -> Iterator[Path]:
    package(index, "s3prl", "0.4.15", SLOW_S3PRL)
    yield make_checkout(tmp_path, index)
    assert gone(tmp_path), processes_in(tmp_path)


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
    package(index, "s3prl", "0.4.15", SLOW_S3PRL.replace("0.2", "5"))  # so that it is killed while the second one runs
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
