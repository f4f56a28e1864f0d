"""A run that is killed at any moment goes on where it was, and reports what an undisturbed one does.

On a miniature index with tiny packages, in seconds; the run and its sessions are processes as a person's are.
"""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_probe import GRACE_VARIABLE
from miniature import MiniatureIndex
from small_checkout import command, make_checkout, processes_in, published, run, start
from small_run import NEW, OLD, index
from tiny_lab import package
from waiting import comes

__all__ = ["index"]  # a fixture

SLOW_S3PRL = """
import time
def check(path):
    time.sleep(0.2)
    import transformers
    if path == 's3prl-hf' and transformers.VERSION == '4.57.6':
        raise ValueError('planted is broken')
"""


def held_until(gate: Path) -> str:
    """The same package, whose paths take until there is this file."""
    return SLOW_S3PRL.replace(
        "time.sleep(0.2)", f"import os\n    while not os.path.exists({str(gate)!r}): time.sleep(0.05)"
    )


@pytest.fixture
def checkout(tmp_path: Path, index: MiniatureIndex) -> Iterator[Path]:
    package(index, "s3prl", "0.4.15", SLOW_S3PRL)
    yield make_checkout(tmp_path, index)
    assert gone(tmp_path), processes_in(tmp_path)


def gone(checkout: Path, *, within: float = 5) -> bool:
    """Whether nothing that was begun in a checkout runs any more."""
    until = time.monotonic() + within
    while left := processes_in(checkout):
        if time.monotonic() > until:
            return not left
        time.sleep(0.1)
    return True


def undisturbed(checkout: Path) -> tuple[str, float]:
    """What a run reports that nobody disturbs, and how long it takes; nothing of it is left."""
    started = time.monotonic()
    code, said = run(checkout, command(checkout))
    took = time.monotonic() - started
    assert code == 0, said
    found = published(checkout)
    forget(checkout)
    return found, took


def forget(checkout: Path) -> None:
    """Leave nothing of earlier runs but what was downloaded."""
    for name in (".asrcompat", "reports"):
        shutil.rmtree(checkout / name, ignore_errors=True)


def killed(checkout: Path, after: float) -> None:
    """Begin a run and kill it after so many seconds."""
    with start(checkout, command(checkout)):
        time.sleep(after)


def resume(checkout: Path, expected: str) -> None:
    """Run to the end: nothing of the killed run lives, and the report is that of an undisturbed one."""
    assert gone(checkout), processes_in(checkout)
    code, said = run(checkout, command(checkout))
    assert code == 0, said
    assert published(checkout) == expected


def kill_at_random(checkout: Path, times: int, seed: int) -> None:
    expected, took = undisturbed(checkout)
    chance = random.Random(seed)
    for _ in range(times):
        for _ in range(chance.choice((1, 1, 2))):  # a run that goes on may be killed as well
            killed(checkout, chance.uniform(0, took))
        resume(checkout, expected)
        forget(checkout)


def test_a_run_that_is_killed_goes_on_where_it_was(checkout: Path) -> None:
    kill_at_random(checkout, 2, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_run_that_is_killed_at_a_hundred_moments(checkout: Path) -> None:
    kill_at_random(checkout, 100, seed=2)


def test_what_was_finished_is_not_run_again(checkout: Path, index: MiniatureIndex) -> None:
    with start(checkout, command(checkout, "matrix", "--jobs", "1")):
        file = checkout / ".asrcompat" / "results" / "synthetic-base" / f"{OLD}.json"
        assert comes(file.exists)
    assert gone(checkout)
    code, said = run(checkout, command(checkout))
    assert code == 0, said
    assert "known already" in said


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked to end is given longer than any test waits: who is gone was not killed for being late."""
    monkeypatch.setenv(GRACE_VARIABLE, "120")


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "request to end"])
def test_an_orderly_stop_ends_all_and_says_how_to_go_on(
    checkout: Path, index: MiniatureIndex, number: signal.Signals
) -> None:
    gate = checkout / "gate"
    package(index, "s3prl", "0.4.15", held_until(gate))
    gate.touch()
    expected, _ = undisturbed(checkout)
    gate.unlink()
    output = checkout / "output.txt"
    with start(checkout, command(checkout)) as process:
        assert comes(lambda: output.exists() and "install: done" in output.read_text(encoding="utf-8"))
        process.send_signal(number)
        assert process.wait(60) == 3
    assert gone(checkout)
    said = output.read_text(encoding="utf-8")
    assert "asrcompat: stopped; what was finished is kept" in said
    gate.touch()
    resume(checkout, expected)


@pytest.mark.usefixtures("patient")
def test_a_second_interrupt_does_not_wait(checkout: Path, index: MiniatureIndex) -> None:
    """A probe that ignores the first one is ended by the second."""
    stubborn = checkout / "stubborn"
    ignoring = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen({str(stubborn)!r}, 'w')\n"
    package(index, "s3prl", "0.4.15", ignoring + held_until(checkout / "never"))
    with start(checkout, command(checkout)) as process:
        assert comes(stubborn.exists)
        process.send_signal(signal.SIGINT)
        time.sleep(3)
        assert process.poll() is None, "it waits for the probe"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) != 0
    assert gone(checkout)


def test_two_runs_at_once_share_what_they_find(checkout: Path) -> None:
    expected, _ = undisturbed(checkout)
    with start(checkout, command(checkout)) as first, start(checkout, command(checkout)) as second:
        assert (first.wait(120), second.wait(120)) == (0, 0)
    assert published(checkout) == expected
    said = (checkout / "output.txt").read_text(encoding="utf-8")
    for name in (OLD, NEW):
        assert said.count(f"{name}: transformers: works") == 1, "one of both ran it, and the other waited"
