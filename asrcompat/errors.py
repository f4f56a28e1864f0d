"""Errors that end a command, each with its exit code and a text that says what to do next."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the package's command and the ``matrix`` session exit with."""

    OK = 0
    WORSE = 1
    USAGE = 2
    UNFINISHED = 3


class HarnessError(Exception):
    """The command cannot go on; the message says why and what to do. Exits with `exit_code`."""

    exit_code = ExitCode.UNFINISHED


class UsageError(HarnessError):
    """A wrong option or a wrong configuration file."""

    exit_code = ExitCode.USAGE
