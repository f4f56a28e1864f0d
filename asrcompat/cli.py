"""The command: thin. It parses, calls a task, and turns what is wrong into an exit code and a text."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from types import FrameType

from asrcompat.answering import for_programs
from asrcompat.errors import ExitCode, HarnessError
from asrcompat.options import parse
from asrcompat.printable import printable
from asrcompat.run import process
from asrcompat.run.console import unfailing
from asrcompat.run.secrets import without_secrets

# Where a command is found when it is asked for: nox imports this module for every session, and a quarter of the package
# is what other commands need.
_COMMANDS = {
    "matrix": "running.command",
    "session": "tasks",
    "report": "tasks",
    "merge": "running.merge",
    "plan": "planning.command",
    "why": "planning.command",
    "reinstall": "running.reinstall",
    "ask": "ask.command",
    "diff": "history.command",
    "doctor": "tasks",
    "remedy": "remedying.command",
    "bisect": "bisecting.command",
    "rules": "settling.command",
}
# What is there after a command was interrupted, and what to do.
_STOPPED = {
    "matrix": "what was finished is kept, and `report` shows it; run it again, and it goes on",
    "session": "the cells that were finished are kept; run it again, and it goes on",
    "report": "no result is touched by that; run it again",
    "merge": "what was taken over stays; run it again",
    "plan": "what was resolved is kept; run it again",
    "why": "run it again",
    "reinstall": "the locks that were tried are told; run it again",
    "ask": "run it again",
    "diff": "run it again",
    "doctor": "nothing of this run was kept, and the environment is as it was; run it again",
    "remedy": "`report` shows the environments that were finished; run it again, and it goes on: every run is kept",
    "bisect": "no limit is told yet; run it again, and it goes on: every run is kept",
    "rules": "`report` shows what was settled; run it again, and it goes on: every run is kept",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code (`ExitCode`)."""
    unfailing()
    command, options, environment = parse(arguments)
    interrupts = _Interrupts()
    before = {number: signal.signal(number, interrupts) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        task = task_of(command)
        if command == "session":
            return task(options, environment or "")
        with for_programs(wanted=options.json):
            return task(options)
    except HarnessError as error:
        print(without_secrets(printable(f"asrcompat: {error}")), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"asrcompat: stopped; {_STOPPED[command]}", file=sys.stderr)
        return ExitCode.UNFINISHED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more as it leaves
        return ExitCode.UNFINISHED  # who reads what is printed wanted no more of it
    except Exception:
        # an exit code of 1 says that a package got worse: a fault of ours must not
        print(without_secrets(printable(traceback.format_exc())), end="", file=sys.stderr)
        print(
            "asrcompat: this is a fault of the harness or of this machine; nothing is said of packages. Run it again: "
            "what was finished is kept; if it comes again, report it with the lines above",
            file=sys.stderr,
        )
        return ExitCode.UNFINISHED
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def task_of(command: str) -> Callable[..., int]:
    """What a command does, of the options; ``session`` takes the environment's id as well."""
    task: Callable[..., int] = getattr(import_module(f"asrcompat.{_COMMANDS[command]}"), command)
    return task


class _Interrupts:
    """What Ctrl-C and a request to end do: everything started is asked to end; the second time it is made to."""

    def __init__(self) -> None:
        self._seen = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self._seen:
            process.end_all(at_once=True)
        self._seen = True
        raise KeyboardInterrupt
