"""One forked child per path: its crash, hang, memory blow-up or flood of output costs that path alone.

The child leads a session of its own, so that whatever it starts is found and ended with it. Memory is bounded twice:
RLIMIT_DATA inside (address space would not do: the imports alone map 5 GB), and the session's resident size, watched
from outside, for memory that no single process shows.
"""

from __future__ import annotations

import ctypes
import glob
import os
import resource
import select
import signal
import sys
import time
from dataclasses import dataclass
from typing import Callable, Iterator, Optional, Tuple

_POLL_SECONDS = 0.1
_MEMORY_POLL_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1
_PAGE = resource.getpagesize()


@dataclass(frozen=True)
class Limits:
    """What one child may use. Seconds, bytes; `data_bytes` None leaves RLIMIT_DATA alone (CUDA maps a lot).

    `seconds` are for the climb up to stage ``train``, which has `train_seconds` more; the findings after it have
    `findings_seconds` more.
    """

    seconds: float
    train_seconds: float
    findings_seconds: float
    silence_seconds: float
    import_seconds: float
    memory_bytes: int
    output_bytes: int
    data_bytes: Optional[int]
    exit_seconds: float


@dataclass(frozen=True)
class End:
    """How a child ended: `reason` is None for a normal exit with status 0, else what ended it, in a sentence."""

    pid: int
    reason: Optional[str]
    kind: str  # exit, signal, deadline, silence, memory, output
    seconds: float


def run_child(body: Callable[[], None], *, log: str, record: str, limits: Limits) -> End:
    """Run `body` in a forked child whose output goes to `log`; return how it ended.

    `record` is a file that grows while the child gets on. In the child this function does not return: it leaves by
    SystemExit, so that the interpreter shuts down as a user's would, and faults on the way out are seen. From the
    moment `body` is done (`finished_mark` exists) it has ``limits.exit_seconds`` for that.
    """
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _enter_child(parent, writer, limits)
        body()
        open(finished_mark(record), "wb").close()
        sys.exit(0)
    os.close(writer)
    try:
        return _watch(pid, reader, log, record, limits)
    finally:
        _end_session(pid)
        os.close(reader)


def _enter_child(parent: int, writer: int, limits: Limits) -> None:
    os.setsid()
    if sys.platform == "linux":  # die with the parent, even when that is killed outright
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    os.dup2(writer, 1)
    os.dup2(writer, 2)
    os.close(writer)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limits.data_bytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (limits.data_bytes, limits.data_bytes))


def finished_mark(record: str) -> str:
    """The file that says that the child did all it had to do, and only has to leave."""
    return record + ".finished"


def _has(record: str, key: str, value: str) -> bool:
    """Whether something on record says this."""
    with open(record, "rb") as file:
        return b'"%s": "%s"' % (key.encode(), value.encode()) in file.read()


class _Watch:
    """The state of watching one child: what it printed, when it last gave a sign of life."""

    def __init__(self, pid: int, reader: int, log: str, record: str, limits: Limits) -> None:
        self.pid = pid
        self.reader = reader
        self.record = record
        self.finished_at: Optional[float] = None
        self.limits = limits
        self.started = self.last_life = time.monotonic()
        self.life_size = -1
        self.importing = limits.import_seconds > 0
        self.printed = 0
        self.open = True
        self.log = open(log, "ab")  # noqa: SIM115 - closed by `_watch`, which outlives every read

    def read(self, wait: float) -> None:
        """Take what the child printed; waits up to `wait` seconds for some."""
        if not self.open:
            time.sleep(wait)
            return
        if not select.select([self.reader], [], [], wait)[0]:
            return
        chunk = os.read(self.reader, 1 << 16)
        if not chunk:
            self.open = False
            return
        room = max(0, self.limits.output_bytes - self.printed)
        self.log.write(chunk[:room])
        self.printed += len(chunk)
        self.last_life = time.monotonic()

    def drain(self) -> None:
        """Take what is left in the pipe after the child is gone; grandchildren that hold it open are not waited for."""
        while self.open and self.printed <= self.limits.output_bytes and select.select([self.reader], [], [], 0)[0]:
            self.read(0)
        self.log.close()

    def seconds(self) -> float:
        """What it may take, as far as it has come."""
        seconds, limits = self.limits.seconds, self.limits
        if _has(self.record, "stage", "train"):
            seconds += limits.train_seconds
        if _has(self.record, "event", "climbed"):
            seconds += limits.findings_seconds
        return seconds

    def breach(self) -> Optional[Tuple[str, str]]:
        """The limit that the child has passed, as (kind, sentence); None while it keeps them all."""
        limits = self.limits
        clock = time.monotonic()
        size = os.path.getsize(self.record) if os.path.exists(self.record) else 0
        if size != self.life_size:
            self.life_size, self.last_life = size, clock
            self.importing = self.importing and not _has(self.record, "event", "check")  # the first is the import's
        # an import prints nothing and gives no sign of life
        silence = limits.silence_seconds + (limits.import_seconds if self.importing else 0)
        if self.printed > limits.output_bytes:
            return "output", "printed more than %.0f MB, the limit" % (limits.output_bytes / 1e6)
        if clock - self.started > limits.seconds and clock - self.started > self.seconds():
            return "deadline", "did not finish within %.0f s, the deadline" % self.seconds()
        if self.finished_at is None and os.path.exists(finished_mark(self.record)):
            self.finished_at = clock
        if self.finished_at is not None and clock - self.finished_at > limits.exit_seconds:
            return "exit", "had finished, but its interpreter did not shut down within %.0f s" % limits.exit_seconds
        if clock - self.last_life > silence:
            return "silence", "gave no sign of life for %.0f s, the limit" % silence
        return None


def _watch(pid: int, reader: int, log: str, record: str, limits: Limits) -> End:
    watch = _Watch(pid, reader, log, record, limits)
    next_memory = 0.0
    breach = None
    status = None
    while status is None:
        watch.read(_POLL_SECONDS)
        breach = watch.breach()
        if breach is None and time.monotonic() >= next_memory:
            next_memory = time.monotonic() + _MEMORY_POLL_SECONDS
            used = resident_bytes(pid)
            if used > limits.memory_bytes:
                text = "used %.1f GB of memory, over the limit of %.1f GB" % (used / 1e9, limits.memory_bytes / 1e9)
                breach = ("memory", text)
        if breach is not None:
            _end_session(pid)
            status = os.waitpid(pid, 0)[1]
            break
        ended, result = os.waitpid(pid, os.WNOHANG)
        if ended:
            status = result
    watch.drain()
    seconds = time.monotonic() - watch.started
    if breach is not None:
        return End(pid, breach[1], breach[0], seconds)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return End(pid, "was ended by signal %d (%s)" % (number, signal.Signals(number).name), "signal", seconds)
    code = os.WEXITSTATUS(status)
    return End(pid, None if code == 0 else "left with exit status %d" % code, "exit", seconds)


def resident_bytes(session: int) -> int:
    """Resident size of all processes of a session, in bytes; 0 where there is no /proc."""
    return sum(resident for _, resident in _members(session))


def _members(session: int) -> Iterator[Tuple[int, int]]:
    """The processes of a session as (process id, resident bytes)."""
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(stat, "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[3]) == session:
            yield int(stat.split("/")[2]), int(fields[21]) * _PAGE


def _end_session(session: int) -> None:
    """Kill whatever is left of the child's session, process groups of its own making included."""
    for pid in [session, *(pid for pid, _ in _members(session))]:
        try:
            os.killpg(pid, signal.SIGKILL) if pid == session else os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue  # gone already
