"""The ladder: stages in order, each a set of checks, until a required check fails.

A stage is one module of ``stages/`` with a function ``run(cell)``. A check is one call of `Cell.check`; what it raises
is its failure. `StageFailed` ends the climb. A check that does not apply raises `Skip`; one that passed and has
something to tell returns `Passed`.
"""

from __future__ import annotations

import errno
import importlib
import time
from types import ModuleType
from typing import Any, Callable, Dict, Optional

from . import guard, static
from .record import Record, chain, describe_exception

_MACHINE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO)

STAGES = ("load", "features", "forward", "backward", "step", "train")


class CheckFailed(Exception):
    """What was checked is not so; the message says what was found."""

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.data = data


class Skip(Exception):
    """The check does not apply here; the message says why."""


class Unstable(CheckFailed):
    """What was tried several times passed sometimes, and failed sometimes."""


class Passed:
    """A check's result with what it has to tell: a message, data for the report, and a value for later checks."""

    def __init__(self, message: str = "", value: Any = None, **data: Any) -> None:
        self.message = message
        self.value = value
        self.data = data


class StageFailed(Exception):
    """A required check failed: the climb ends here."""


class Cell:
    """One path on one device, on its way up. Stages leave here what later stages use."""

    def __init__(self, name: str, path: ModuleType, settings: Dict[str, Any], record: Record) -> None:
        self.name = name
        self.path = path
        self.settings = settings
        self.record = record
        self.device: str = settings["device"]
        self.stage = ""
        self.subject: Any = None
        self.loss: Any = None

    def check(self, identity: str, function: Callable[[], Any], *, required: bool = True) -> Any:
        """Run one check and record it; returns its value, None where it failed and was not required.

        Raises `StageFailed` where a required check did not pass.
        """
        self.record.event("begin", stage=self.stage, check=identity, required=required)
        start = time.monotonic()
        outcome, message, data, value = _attempt(function)
        seconds = time.monotonic() - start
        write_check(self.record, identity, self.stage, required, outcome, message, data, seconds)
        if required and outcome not in ("passed", "skipped"):
            raise StageFailed(identity)
        return value


def _attempt(function: Callable[[], Any]) -> Any:
    try:
        result = function()
    except Skip as reason:
        return "skipped", str(reason), {}, None
    except Unstable as found:
        return "unstable", str(found), found.data, None
    except (Exception, SystemExit) as error:
        data: Dict[str, Any] = describe_exception(error)
        data.update(getattr(error, "data", {}) if isinstance(error, CheckFailed) else {})
        if _out_of_memory(error):
            data["exception"] = "MemoryLimitExceeded"
            data["message"] = "under the limit of its memory: " + data["message"]
        return ("error" if not_the_packages(error) else "failed"), data["message"], data, None
    if isinstance(result, Passed):
        return "passed", result.message, result.data, result.value
    return "passed", "", {}, result


def not_the_packages(error: BaseException) -> bool:
    """Whether a failure is the machine's or our refusal's: no network, a full disk, no file handles."""
    return guard.refused(error) or any(
        isinstance(link, OSError) and link.errno in _MACHINE_ERRORS for link in chain(error)
    )


def _out_of_memory(error: BaseException) -> bool:
    """Whether the limit on the process's data was met: by Python's allocator or by torch's."""
    return any(isinstance(link, MemoryError) or "can't allocate memory" in str(link) for link in chain(error))


def write_check(
    record: Record,
    identity: str,
    stage: str,
    required: bool,
    outcome: str,
    message: str,
    data: Dict[str, Any],
    seconds: Optional[float],
) -> None:
    """Append a check to the record, in the form of the results schema's checks."""
    data = {key: value for key, value in data.items() if key != "message"}
    record.event(
        "check",
        id=identity,
        stage=stage,
        required=required,
        outcome=outcome,
        message=message,
        data=data,
        seconds=None if seconds is None else round(seconds, 3),
    )


def climb(name: str, path: ModuleType, settings: Dict[str, Any], record: Record) -> None:
    """Take one path up the ladder, as far as it goes."""
    cell = Cell(name, path, settings, record)
    record.event("static", facts=static.facts())
    if cell.device == "cuda" and not static.prepare_cuda(record):
        return
    for stage in STAGES:
        cell.stage = stage
        module = importlib.import_module(".stages." + stage, __package__)
        start = time.monotonic()
        try:
            module.run(cell)
        except StageFailed:
            return
        finally:
            record.event("stage", stage=stage, seconds=round(time.monotonic() - start, 3))
