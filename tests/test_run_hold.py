"""Who holds a file holds what it stands for, whoever removes it meanwhile."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

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

    def second() -> None:
        with alone(tmp_path / "home", told.append):
            order.append("second")

    with alone(tmp_path / "home", pytest.fail):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert len(told) == 1


def test_who_waited_for_a_folder_that_was_removed_holds_the_new_one(tmp_path: Path) -> None:
    """A lock on a file that nobody can find any more would be held beside that of whoever comes next."""
    home = tmp_path / "home"
    waits, holds, done = threading.Event(), threading.Event(), threading.Event()

    def second() -> None:
        with held(home / ".lock", wait=waits.set):
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
