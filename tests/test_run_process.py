"""Commands end with everything that they started, and cannot fill the memory with what they print."""

from __future__ import annotations

import sys
import time

import psutil
import pytest

from asrcompat.run import process


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
    code = (
        "import signal, subprocess, sys, time\n"
        + ("signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" if ignores else "")
        + "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(child.pid, flush=True); time.sleep(600)"
    )
    done = python(code, seconds=2, grace=1.0)
    assert done.timed_out
    child = int(done.output.split()[0])
    time.sleep(0.2)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_an_interrupt_ends_the_group_too() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        python("import time; time.sleep(12345)", poll=interrupt)
    assert not [
        one
        for one in psutil.process_iter(["cmdline"])
        if "import time; time.sleep(12345)" in (one.info["cmdline"] or ())
    ]
