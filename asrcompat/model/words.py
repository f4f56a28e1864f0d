"""The words that a verdict is made of: stages of the ladder, outcomes, devices, weights."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict

STRICT = ConfigDict(extra="forbid")  # a key that no version of ours wrote is an error of the file


def _lock_name(name: str) -> str:
    """A lock's name, which is one in the folder of locks: what is read, written and linked by it lies in no other."""
    folder, _, file = name.partition("/")
    if folder != "locks" or file in ("", ".", "..") or "/" in file or "\\" in file or not file.isprintable():
        message = f"{name!r} is no lock's name: a lock is a file in locks/, beside the results"
        raise ValueError(message)
    return name


LockName = Annotated[str, AfterValidator(_lock_name)]


class Stage(StrEnum):
    """A rung of the ladder, in climbing order."""

    RESOLVE = "resolve"
    INSTALL = "install"
    IMPORT = "import"
    LOAD = "load"
    FEATURES = "features"
    FORWARD = "forward"
    BACKWARD = "backward"
    STEP = "step"
    TRAIN = "train"
    RECIPE = "recipe"

    @property
    def rung(self) -> int:
        """Height on the ladder, 0 for `RESOLVE`."""
        return list(Stage).index(self)


class Outcome(StrEnum):
    """What became of a cell. `ERROR` and `UNAVAILABLE` say nothing about the packages."""

    WORKS = "works"
    BROKEN = "broken"
    UNSTABLE = "unstable"
    UNAVAILABLE = "unavailable"
    ERROR = "error"


class CheckOutcome(StrEnum):
    """What became of one check: `SKIPPED` is a check that could not apply, with the reason in its message."""

    PASSED = "passed"
    FAILED = "failed"
    UNSTABLE = "unstable"
    SKIPPED = "skipped"
    ERROR = "error"


class Device(StrEnum):
    """Where a path's tensors live."""

    CPU = "cpu"
    CUDA = "cuda"


UNRECOGNISED = "unrecognised"  # the signature of a failure that no entry of the catalogue matches

Weights = Literal["synthetic-small", "synthetic-base", "hub"]
