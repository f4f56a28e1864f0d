"""Who holds a file holds what it stands for, whoever removes it meanwhile."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TextIO

import pytest

from asrcompat.run import hold
from asrcompat.run.hold import alone, held, held_now


def test_what_somebody_holds_is_not_held_by_another(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "one.lock"
    with held_now(file) as mine:
        assert mine
        with held_now(file) as other:
            assert not other
    with held_now(file) as mine:
        assert mine


def test_waiting_is_told_once_and_ends_when_the_other_one_is_done(tmp_path: Path) -> None:
    order: list[str] = []
    told: list[str] = []
    waits = threading.Event()

    def tell(text: str) -> None:
        told.append(text)
        waits.set()

    def second() -> None:
        with alone(tmp_path / "home", tell):
            order.append("second")

    with alone(tmp_path / "home", pytest.fail):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(10)
        time.sleep(0.1)  # and if it did not wait, it would be the first now
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert len(told) == 1


def test_who_waited_for_a_folder_that_was_removed_holds_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock on a file that nobody can find any more would be held beside that of whoever comes next."""
    home = tmp_path / "home"
    waits, holds, done = threading.Event(), threading.Event(), threading.Event()

    def flock(file: TextIO, operation: int) -> None:
        if operation == fcntl.LOCK_EX:  # it has the file open that is about to be removed
            waits.set()
        fcntl.flock(file, operation)

    stand_in = SimpleNamespace(flock=flock, LOCK_EX=fcntl.LOCK_EX, LOCK_NB=fcntl.LOCK_NB)
    monkeypatch.setattr(hold, "fcntl", stand_in)

    def second() -> None:
        with held(home / ".lock", wait=lambda: None):
            holds.set()
            done.wait(10)

    thread = threading.Thread(target=second)
    with held(home / ".lock", wait=pytest.fail):
        thread.start()
        assert waits.wait(10)
        shutil.rmtree(home)
    assert holds.wait(10)
    with held_now(home / ".lock") as third:
        assert not third
    done.set()
    thread.join(10)


@pytest.mark.parametrize("moment", ["mkdir", "open"])
def test_a_folder_that_is_removed_while_its_lock_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Just after the folder was made, or when it was found there and is looked at."""
    home = tmp_path / "home"
    done = getattr(Path, moment)
    removed: list[Path] = []

    def at_the_worst_moment(path: Path, *given: Any, **named: Any) -> Any:
        if not removed:
            removed.append(path)
            if moment == "mkdir":
                raise FileExistsError(path)
            home.rmdir()
        return done(path, *given, **named)

    monkeypatch.setattr(Path, moment, at_the_worst_moment)
    with held_now(home / ".lock") as mine:
        assert mine
        assert removed


def test_where_no_lock_can_be_made_that_is_raised(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing" / "file")
    for file in (tmp_path / "home" / ".lock", tmp_path / "nowhere"):
        with pytest.raises(OSError, match=r"home|nowhere"), held_now(file):
            pytest.fail("held what is not there")


def test_a_process_that_dies_lets_go(tmp_path: Path) -> None:
    file = tmp_path / "one.lock"
    text = (
        "import sys, time; from pathlib import Path; from asrcompat.run.hold import held\n"
        "with held(Path(sys.argv[1]), wait=exit): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", text, file], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with held_now(file) as mine:
            assert not mine
        holder.kill()
    with held_now(file) as mine:
        assert mine
