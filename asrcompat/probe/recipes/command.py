"""One command in a process of its own: within what is left of the budget, ended with all that it started.

What failed becomes `CommandFailed`, whose cause is a refusal or a machine's error where that was the reason: then the
check becomes an error. What was cut off, by the budget or by a hand from outside, becomes `Skip`: neither is a verdict.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, NoReturn, Optional

from .. import guard
from ..cell import CheckFailed, Skip, not_the_packages

if TYPE_CHECKING:
    from ..cell import Cell

_ENTRY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "entry.py")
_POLL_SECONDS = 0.5
_LIFE_SECONDS = 20  # between signs of life: an import prints nothing
_TAIL_LINES = 40
_TAIL_CHARACTERS = 8_000
_KEPT_CHARACTERS = 100_000
# the kernel's out-of-memory killer, an operator, a CI that cancels
_FROM_OUTSIDE = (signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM)


class Ran(NamedTuple):
    """A command that ended well: how long it took and what it printed."""

    seconds: float
    output: str


class CommandFailed(CheckFailed):
    """A command ended badly; `missing` names the module that it did not find, if that was why."""

    def __init__(self, message: str, missing: Optional[str] = None, **data: Any) -> None:
        super().__init__(message, **data)
        self.missing = missing


def run(cell: Cell, module: str, arguments: List[str], folder: str) -> Ran:
    """Run ``python -m module arguments`` in `folder`; raises `CommandFailed`, or `Skip` where it was cut off."""
    tool = tool_name(module)
    told = os.path.join(folder, tool + ".jsonl")
    log = os.path.join(folder, tool + ".log")
    if os.path.exists(told):
        os.remove(told)
    start = time.monotonic()
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, _ENTRY, told, module, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(cell, process, tool, log)
        finally:
            _end(process)
    events = _events(told)
    for event in events:
        if event["event"] == "network":
            cell.record.event("network", target=event["target"])
    text = _text(log)
    print("$ %s %s\n%s" % (tool, " ".join(arguments), text))  # into this cell's log: the evidence
    if process.returncode != 0:
        raised = next((event for event in events if event["event"] == "raised"), None)
        _fail(tool, process.returncode, raised, text)
    return Ran(time.monotonic() - start, text)


def tool_name(module: str) -> str:
    """What a module is called as a command: the last part of its name."""
    return module.rpartition(".")[2]


def tail(text: str) -> str:
    """The last lines of a log, bounded."""
    return "\n".join(text.splitlines()[-_TAIL_LINES:])[-_TAIL_CHARACTERS:]


def _wait(cell: Cell, process: subprocess.Popen[bytes], tool: str, log: str) -> None:
    """Until the command is done; the probe's watcher is shown that this process lives."""
    start = life = time.monotonic()
    limit = cell.settings["limits"]["output_mb"]
    while True:
        try:
            process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            clock = time.monotonic()
            if cell.seconds_left() <= 0:
                raise Skip("%s was cut off after %.0f s: the budget is spent" % (tool, clock - start)) from None
            if os.path.getsize(log) > limit * 1e6:
                message = "%s printed more than %g MB, the limit" % (tool, limit)
                raise CommandFailed(message, exception="OutputLimitExceeded") from None
            if clock - life > _LIFE_SECONDS:
                life = clock
                cell.record.event("progress", command=tool, seconds=round(clock - start, 1))
        else:
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of a command, done or not: its group, or itself where it has not yet made one."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # all gone, or not begun
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _events(told: str) -> List[Dict[str, Any]]:
    """What the process told; a killed one may have torn its last line."""
    if not os.path.exists(told):
        return []
    with open(told, "rb") as file:
        lines = file.read().split(b"\n")[:-1]
    return [json.loads(line) for line in lines]


def _text(log: str) -> str:
    with open(log, "rb") as file:
        return file.read().decode("utf-8", "replace")[-_KEPT_CHARACTERS:]


def _fail(tool: str, code: int, raised: Optional[Dict[str, Any]], text: str) -> NoReturn:
    data: Dict[str, Any] = {"traceback": tail(text)}
    if code < 0:
        name = signal.Signals(-code).name
        if -code in _FROM_OUTSIDE:
            raise Skip("%s was ended from outside by %s" % (tool, name))
        raise CommandFailed("%s was ended by signal %d (%s)" % (tool, -code, name), exception="ProcessKilled", **data)
    if raised is None:
        raise CommandFailed("%s left with exit status %d" % (tool, code), exception="ProcessExited", **data)
    message = "%s: %s" % (raised["exception"], raised["message"])
    if raised["exception"] == "SystemExit":  # a command line that was refused, say: the reason was printed
        message = (text.strip() or message).rpartition("\n")[2]
    data.update(exception=raised["exception"], causes=raised["causes"])
    raise CommandFailed("%s: %s" % (tool, message), missing=raised["missing"], **data) from _cause(raised)


def _cause(raised: Dict[str, Any]) -> Optional[BaseException]:
    """What a check's outcome hangs on, as an exception again: a refusal of ours, a full disk, too little memory."""
    if raised["refused"]:
        return guard.NetworkRefused(raised["message"])
    if raised["exception"] == "MemoryError":
        return MemoryError()
    errors = (OSError(number, text) for number, text in raised["errors"] if number is not None)
    return next((error for error in errors if not_the_packages(error)), None)
