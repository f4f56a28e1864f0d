"""Published locks are installed again, in turn, by the real installer from a miniature index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from factories import make_cell, make_environment, make_results
from matrix_text import edited, write
from miniature import MiniatureIndex, serving

from asrcompat.cli import main
from asrcompat.errors import ExitCode
from asrcompat.plan.resolve import Resolver
from asrcompat.report.publish import publish
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.running.reinstall import in_turn
from asrcompat.spec import Index


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MiniatureIndex]:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setattr("asrcompat.settings.reachable", lambda _: False)
    with serving(("tiny", "1.0", ()), ("other", "2.0", ("tiny",))) as served:
        yield served


@pytest.fixture
def arguments(tmp_path: Path, index: MiniatureIndex, this_python: Interpreter) -> list[str]:
    """A checkout with one published environment, of a lock of two tiny packages."""
    own = Index(url=index.url, lock_hours=1)
    resolver = Resolver(interpreter=this_python, index=own, torch_index=None, work=tmp_path / "made", seconds=60)
    lock = resolver.lock(["other"])
    assert isinstance(lock, Lock)
    python = ".".join(this_python.version.split(".")[:2])
    environment = replace(make_environment("one"), python=python, pylock="locks/pylock.one.toml")
    reports = tmp_path / "reports"
    publish(make_results([make_cell(environment)], [environment]), reports)
    (reports / "locks").mkdir()
    (reports / "locks" / "pylock.one.toml").write_text(lock.text)
    matrix = write(tmp_path, edited(("lock_hours = 12", f'lock_hours = 12\nurl = "{index.url}"')))
    return ["reinstall", "--matrix", str(matrix)]


def test_a_lock_that_installs_is_told_and_nothing_is_left(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == ExitCode.OK
    assert "one: its lock installs" in capsys.readouterr().out
    assert not any((tmp_path / ".asrcompat" / "reinstalled" / "envs").iterdir())


def test_a_file_that_is_gone_is_no_fault_of_the_packages(
    arguments: list[str], index: MiniatureIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    index.files_trouble = "500"
    assert main(arguments) == ExitCode.UNFINISHED
    assert "its lock does not install (error)" in capsys.readouterr().out


def test_a_file_that_vanished_since_the_last_time_is_missed(
    arguments: list[str], index: MiniatureIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == ExitCode.OK
    (name,) = [one for one in index.files if one.startswith("tiny")]
    del index.files[name]
    assert main(arguments) != ExitCode.OK, "what a cache still has is not the question"
    assert "its lock does not install" in capsys.readouterr().out


def test_a_file_that_changed_is_refused_by_its_hash(
    arguments: list[str], index: MiniatureIndex, capsys: pytest.CaptureFixture[str]
) -> None:
    (name,) = [one for one in index.files if one.startswith("tiny")]
    index.files[name] += b" "
    assert main(arguments) != ExitCode.OK
    assert "its lock does not install" in capsys.readouterr().out


def test_no_report_is_a_fault_that_says_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reinstall", "--matrix", str(write(tmp_path, edited()))]) == ExitCode.UNFINISHED
    assert "names no lock: run `nox -s matrix` first" in capsys.readouterr().err


def test_every_lock_has_its_turn() -> None:
    every = list("abcdefg")
    days = [in_turn(every, 3, day=day) for day in range(7)]
    assert all(len(set(day)) == 3 for day in days)
    assert set(days[0]) | set(days[1]) | set(days[2]) == set(every)
    assert days[0] != days[1]
    assert in_turn(every[:2], 3, day=5) in (["a", "b"], ["b", "a"])
