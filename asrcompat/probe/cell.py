"""A cell on its way up the ladder, and what a check is."""

from __future__ import annotations

import errno
import sys
import time
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import guard
from .paths import Context
from .record import Record, chain, describe_exception

_MACHINE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EIO)


class CheckFailed(Exception):
    """What was checked is not so; the message says what was found."""

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.data = data


class CannotTell(Exception):
    """What the probe would need to judge is not as it knows it: its own lack, which says nothing about the packages."""


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
    """One path on one device, on its way up. Stages leave here what later stages use.

    `name` is the path's, `state` the checkpoint's (``published``, or what follows the name's ``@``).
    """

    def __init__(self, row: str, path: ModuleType, settings: Dict[str, Any], record: Record) -> None:
        self.name, _, state = row.partition("@")
        self.state = state or "published"
        self.path = path
        self.settings = settings
        self.record = record
        self.device: str = settings["device"]
        self.context = Context(
            model=settings["models"][row],
            device=self.device,
            symbols=settings["symbols"],
            fixtures=settings["fixtures"],
            folder=settings["scratch"],
            fairseq=settings["fairseq"],
        )
        self.stage = ""
        self.climbing = True
        self.deadline = float("inf")
        self.subject: Any = None
        self.snapshot: Optional[Dict[str, Any]] = None
        self.loss: Any = None

    def load(self) -> Any:
        """A subject, fresh from the checkpoint, on the device; what a path adds on top is the same every time."""
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(self.settings["seed"])
        subject = self.path.load(self.context)
        subject.model.to(self.device)
        return subject

    def remember(self) -> None:
        """Keep the subject's values as they are now, for `restore`."""
        self.snapshot = {name: value.detach().cpu().clone() for name, value in _values(self.subject.model)}

    def restore(self) -> None:
        """The subject as it was remembered: values, evaluation mode, everything to be trained, no gradients."""
        import torch

        model = self.subject.model
        with torch.no_grad():
            for name, value in _values(model):
                value.copy_((self.snapshot or {})[name])
        model.eval()
        model.zero_grad(set_to_none=True)
        for parameter in model.parameters():
            parameter.requires_grad_(True)

    def seconds_left(self) -> float:
        """What is left of the budget that a finding is charged to; without end during the climb."""
        return self.deadline - time.monotonic()

    def check(self, identity: str, function: Callable[[], Any], *, required: bool = True) -> Any:
        """Run one check and record it; returns its value, None where it failed and was not required.

        Raises `StageFailed` where a required check did not pass. After the climb no check is required, and none is
        tried once the finding's budget is spent.
        """
        required = required and self.climbing
        if self.seconds_left() <= 0:
            function = _out_of_time
        self.record.event("begin", stage=self.stage, check=identity, required=required)
        start = time.monotonic()
        outcome, message, data, value = _attempt(function)
        seconds = time.monotonic() - start
        write_check(self.record, identity, self.stage, required, outcome, message, data, seconds)
        if required and outcome not in ("passed", "skipped"):
            raise StageFailed(identity)
        return value


def _out_of_time() -> None:
    raise Skip("the seconds for such findings are spent")


def _values(model: Any) -> List[Tuple[str, Any]]:
    """Parameters and buffers by name; not `state_dict`, which a package may have its own idea of."""
    return [*model.named_parameters(), *model.named_buffers()]


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
    """Whether a failure is the machine's, our refusal's or our own: no network, a full disk, names not known."""
    return guard.refused(error) or any(
        isinstance(link, CannotTell) or (isinstance(link, OSError) and link.errno in _MACHINE_ERRORS)
        for link in chain(error)
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
