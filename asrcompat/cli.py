"""The command: thin. It parses, calls a task, and turns what is wrong into an exit code and a text."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import FrameType

from asrcompat import tasks
from asrcompat.errors import ExitCode, HarnessError
from asrcompat.options import parse


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code (`ExitCode`)."""
    command, options, environment = parse(arguments)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        match command:
            case "matrix":
                return tasks.matrix(options)
            case "session":
                return tasks.session(options, environment or "")
            case "report":
                return tasks.report(options)
            case _:
                return tasks.plan(options)
    except HarnessError as error:
        print(f"asrcompat: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("asrcompat: stopped; finished environments are kept, and `report` shows them", file=sys.stderr)
        return ExitCode.UNFINISHED
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """End as on Ctrl-C, so that everything started is ended too."""
    raise KeyboardInterrupt
