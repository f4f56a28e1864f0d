"""Run a command as a process group with a deadline, so that whatever it started ends with it, and it ends with us."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asrcompat.run.leash import leashed

_TERMINATE_SECONDS = 5.0
_KEPT_CHARACTERS = 4_000_000


@dataclass(kw_only=True)
class _Group:
    """A command that is running, and since when it is asked to end."""

    words: Sequence[str]
    asked: float | None = None


_running: dict[int, _Group] = {}
_lock = threading.RLock()  # a signal's handler may come while its own thread holds it


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a command ended: its exit code (negative: a signal), what it printed, and whether the deadline ended it."""

    code: int
    output: str
    timed_out: bool
    seconds: float


def run(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    seconds: float,
    on_line: Callable[[str], None] | None = None,
    poll: Callable[[], None] | None = None,
    grace: float = _TERMINATE_SECONDS,
) -> Finished:
    """Run to the end or the deadline; output and error stream together, of which the last megabytes are kept.

    `on_line` gets each line as it is printed; where it raises, the group is ended, and then that is raised here: a
    reader that died of it would leave the command with nobody to take its output, until the deadline. `poll` is called
    about five times a second. When this function is left by an exception (an interrupt), the group is ended too: asked,
    and after `grace` seconds killed. So it is when somebody calls `end_all`. If this process is killed, the command is
    too. Raises `OSError` where it cannot be begun.
    """
    started = time.monotonic()
    words = [str(part) for part in command]
    if shutil.which(words[0], path=(os.environ if env is None else env).get("PATH")) is None:
        raise FileNotFoundError(words[0])
    process = subprocess.Popen(
        leashed(words),
        env=env,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    lines: deque[str] = deque()
    faults: list[Exception] = []
    timed_out = False
    with _registered(process, words):
        reader = threading.Thread(target=_read, args=(process, lines, on_line, faults), daemon=True)
        reader.start()
        try:
            while process.poll() is None and not faults:
                if time.monotonic() - started > seconds:
                    timed_out = True
                    break
                if _is_over(process, grace):
                    break
                if poll is not None:
                    poll()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.2)
        finally:
            end_group(process, grace)
            process.wait()
            reader.join(timeout=_TERMINATE_SECONDS)
            # a grandchild that left the group may hold the pipe open: then the reader keeps it
            if process.stdout is not None and not reader.is_alive():
                process.stdout.close()
    if faults:
        raise faults[0]
    return Finished(
        code=process.returncode, output="".join(lines), timed_out=timed_out, seconds=time.monotonic() - started
    )


def _read(
    process: subprocess.Popen[str],
    lines: deque[str],
    on_line: Callable[[str], None] | None,
    faults: list[Exception],
) -> None:
    """Take what is printed to its end, whatever becomes of who is told: a full pipe blocks the command."""
    if process.stdout is None:
        return
    size = 0
    # a line without end is taken in pieces
    while line := process.stdout.readline(_KEPT_CHARACTERS):
        lines.append(line)
        size += len(line)
        while size > _KEPT_CHARACTERS:
            size -= len(lines.popleft())
        if on_line is not None and not faults:
            try:
                on_line(line.rstrip("\n"))
            except Exception as error:  # of whatever kind: `run` raises it
                faults.append(error)


@contextlib.contextmanager
def _registered(process: subprocess.Popen[str], words: Sequence[str]) -> Iterator[None]:
    with _lock:
        _running[process.pid] = _Group(words=words)
    try:
        yield
    finally:
        with _lock:
            del _running[process.pid]


def _is_over(process: subprocess.Popen[str], grace: float) -> bool:
    """Whether a command was asked to end, and had its time for that."""
    with _lock:
        asked = _running[process.pid].asked
    return asked is not None and time.monotonic() - asked > grace


def end_group(process: subprocess.Popen[str], grace: float) -> None:
    """Ask the process group to end, then make it."""
    group = process.pid
    try:
        if process.poll() is None:
            _signal(group, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(grace)
    finally:  # a second interrupt does not wait
        _signal(group, signal.SIGKILL)


def end_all(*, at_once: bool = False, having: Collection[str] | None = None) -> None:
    """Ask every command that is running to end, and let `run` do the rest; or end all of them `at_once`.

    Only those that have one of the words `having`, if given.
    """
    with _lock:
        found = {pid: one for pid, one in _running.items() if having is None or set(having) & set(one.words)}
        for one in found.values():
            one.asked = one.asked or time.monotonic()
        groups = list(found)
    for group in groups:
        _signal(group, signal.SIGKILL if at_once else signal.SIGTERM)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
