"""Sessions side by side: which begin, which end, and what befalls one of them."""

from __future__ import annotations

import io
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asrcompat.run import process, schedule
from asrcompat.run.progress import Progress

NOXFILE = """
import nox

@nox.session(venv_backend="none")
def first(session): pass

@nox.session(venv_backend="none")
def second(session): pass
"""


class Begun:
    """Two sessions by the real scheduler: which ended, with which code, and which were not begun."""

    def __init__(self, folder: Path, *, jobs: int, until: float | None, quiet: bool = True) -> None:
        (folder / "noxfile.py").write_text(NOXFILE)
        self.ended: dict[str, int] = {}
        self.left = schedule.run_sessions(
            ["first", "second"],
            root=folder,
            options=[],
            jobs=jobs,
            seconds=60,
            logs=folder / "logs",
            progress=Progress(quiet=quiet),
            after=self.ended.__setitem__,
            until=until,
        )


def test_nothing_is_begun_after_the_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first_began = tmp_path / "logs" / "first.session.log"
    clock = SimpleNamespace(monotonic=lambda: 1.0 if first_began.exists() else 0.0)
    monkeypatch.setattr(schedule, "time", clock)
    begun = Begun(tmp_path, jobs=1, until=0.5)
    assert (begun.ended, begun.left) == ({"first": 0}, ["second"])


def test_where_the_time_is_over_already_nothing_is_begun(tmp_path: Path) -> None:
    """Not even as many as run at a time: there is a call for every torch stack."""
    begun = Begun(tmp_path, jobs=2, until=time.monotonic() - 1)
    assert begun.ended == {}
    assert sorted(begun.left) == ["first", "second"]


@pytest.mark.parametrize("when", ["opened", "written", "closed"])
def test_a_log_that_finds_the_disk_full_costs_its_own_session_alone(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`first` has the full disk; `second` runs as if nothing had been, and both are told of."""
    opened = Path.open

    def full(file: Path, *given: Any, **named: Any) -> Any:
        if file.name != "first.session.log" or given != ("w",):
            return opened(file, *given, **named)
        if when == "opened":
            raise OSError(28, "No space left on device")
        return io.TextIOWrapper(io.BufferedWriter(FullDisk(), 8 if when == "written" else 10**6), write_through=True)

    monkeypatch.setattr(Path, "open", full)
    begun = Begun(tmp_path, jobs=1, until=None, quiet=False)
    assert (begun.ended, begun.left) == ({"first": 3, "second": 0}, [])
    said = capsys.readouterr().out
    assert "first: the session was ended" in said
    assert "No space left on device" in said


class FullDisk(io.RawIOBase):
    """A file on a disk without room."""

    def writable(self) -> bool:
        return True

    def write(self, _: Any) -> int:
        raise OSError(28, "No space left on device")


def test_a_session_that_is_about_to_begin_when_the_run_is_stopped_is_ended_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the last look at whether to begin and the moment when its process can be asked to end."""
    begins, stops = threading.Event(), threading.Event()
    run = process.run

    def late(*given: Any, **named: Any) -> process.Finished:
        begins.set()
        assert stops.wait(30)
        time.sleep(0.2)  # all that could be told to end was told by now
        return run([sys.executable, "-c", "import time; time.sleep(60)"], **named)

    def interrupted(*_: Any, **__: Any) -> None:
        assert begins.wait(30)
        stops.set()
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "run", late)
    monkeypatch.setattr(schedule, "wait", interrupted)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        Begun(tmp_path, jobs=1, until=None)
    assert time.monotonic() - started < 50


def test_without_a_time_all_are_begun(tmp_path: Path) -> None:
    begun = Begun(tmp_path, jobs=2, until=None)
    assert (begun.ended, begun.left) == ({"first": 0, "second": 0}, [])
