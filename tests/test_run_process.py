"""Commands end with everything that they started, and cannot fill the memory with what they print."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import uuid

import pytest
from waiting import comes, running_with

from asrcompat.run import leash, process


def python(code: str, **options: object) -> process.Finished:
    return process.run([sys.executable, "-c", code], **{"seconds": 30, **options})  # type: ignore[arg-type]


def test_output_and_code_come_back_line_by_line() -> None:
    lines: list[str] = []
    done = python("import sys; print('a'); print('b', file=sys.stderr); sys.exit(3)", on_line=lines.append)
    assert (done.code, done.timed_out) == (3, False)
    assert sorted(done.output.split()) == ["a", "b"] == sorted(lines)


def test_only_the_last_of_a_flood_is_kept() -> None:
    done = python("import sys\nfor _ in range(20): sys.stdout.write('x' * 1_000_000)\nprint('end')")
    assert len(done.output) <= 4_000_000
    assert done.output.endswith("end\n")


@pytest.mark.parametrize("ignores", [False, True])
def test_a_deadline_ends_the_whole_group(ignores: bool) -> None:
    mark = f"# {uuid.uuid4()}"
    code = (
        "import signal, subprocess, sys, time\n"
        + ("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if ignores else "")
        + f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)  {mark}'])\n"
        "print('begun', flush=True); time.sleep(600)"
    )
    done = python(code, seconds=5, grace=1.0)
    assert done.timed_out
    assert done.output == "begun\n"
    assert comes(lambda: not running_with(mark), within=10), running_with(mark)


def test_an_interrupt_ends_the_group_too() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    mark = f"import time; time.sleep(12345)  # {uuid.uuid4()}"
    with pytest.raises(KeyboardInterrupt):
        python(mark, poll=interrupt)
    assert not running_with(mark)


def test_a_fault_of_who_takes_the_lines_ends_the_command_and_is_raised() -> None:
    """Not after the deadline, and not as if nothing had been: the command would have filled the pipe, and waited."""
    taken: list[str] = []

    def full(line: str) -> None:
        taken.append(line)
        raise OSError(28, "No space left on device")

    mark = f"while True: print('x' * 1000, flush=True)  # {uuid.uuid4()}"
    started = time.monotonic()
    with pytest.raises(OSError, match="No space left"):
        python(mark, on_line=full)
    assert time.monotonic() - started < 15
    assert len(taken) == 1
    assert not running_with(mark)


def test_a_fault_at_the_last_line_is_raised_too() -> None:
    with pytest.raises(ZeroDivisionError):
        python("print('a')", on_line=lambda _: print(1 // 0))


@pytest.mark.skipif(leash._setpriv() is None, reason="no util-linux here that can ask the kernel")
def test_a_command_dies_with_whoever_runs_it() -> None:
    mark = f"import time; time.sleep(23456)  # {uuid.uuid4()}"
    code = f"import sys; from asrcompat.run.process import run; run([sys.executable, '-c', {mark!r}], seconds=600)"
    with subprocess.Popen([sys.executable, "-c", code]) as parent:
        # the parent's own line has the mark inside; the command is itself only once the kernel was asked
        assert comes(lambda: any(line[:2] == [sys.executable, "-c"] and line[2] == mark for line in running_with(mark)))
        parent.kill()
    assert comes(lambda: not running_with(mark), within=10), running_with(mark)


@pytest.mark.parametrize("program", [None, "/bin/false"])
def test_where_the_kernel_cannot_be_asked_a_command_runs_all_the_same(
    program: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asrcompat.run.leash.shutil.which", lambda _: program)
    leash._setpriv.cache_clear()
    try:
        assert leash.leashed(["echo", "on"]) == ["echo", "on"]
    finally:
        leash._setpriv.cache_clear()


def test_a_command_that_is_not_there_cannot_be_begun() -> None:
    with pytest.raises(OSError, match="no-such-program"):
        process.run(["no-such-program"], seconds=5)


def in_background(seconds: float, *, grace: float) -> tuple[threading.Thread, list[process.Finished]]:
    """A command that ignores being asked to end."""
    found: list[process.Finished] = []
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(600)"
    )
    begun = threading.Event()

    def one() -> None:
        found.append(python(code, seconds=seconds, grace=grace, on_line=lambda _: begun.set()))

    thread = threading.Thread(target=one)
    thread.start()
    assert begun.wait(20)
    return thread, found


def test_only_some_are_ended_where_a_word_is_given() -> None:
    code = "print('on', flush=True); import time; time.sleep(600)"
    found: dict[str, process.Finished] = {}
    begun = {name: threading.Event() for name in ("one", "two")}

    def run(name: str) -> None:
        words = [sys.executable, "-c", code, name]
        found[name] = process.run(words, seconds=60, grace=1, on_line=lambda _: begun[name].set())

    threads = {name: threading.Thread(target=run, args=(name,)) for name in begun}
    for thread in threads.values():
        thread.start()
    assert all(event.wait(20) for event in begun.values())
    process.end_all(having=["one", "three"])
    threads["one"].join(10)
    assert list(found) == ["one"]
    process.end_all()
    threads["two"].join(10)
    assert list(found) == ["one", "two"]


@pytest.mark.parametrize("at_once", [False, True])
def test_all_are_ended_after_their_grace_or_at_once(at_once: bool) -> None:
    thread, found = in_background(60, grace=30.0 if at_once else 0.5)
    process.end_all(at_once=at_once)
    thread.join(10)
    assert [one.code for one in found] == [-signal.SIGKILL]
    assert not found[0].timed_out
