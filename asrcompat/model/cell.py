"""What happened to one path on one device in one environment, and what was observed on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from asrcompat.model.words import STRICT, UNRECOGNISED, CheckOutcome, Device, Outcome, Stage


@dataclass(frozen=True, kw_only=True)
class Check:
    """One observation at a stage. A check that is not `required` is reported and never decides an outcome.

    A failed check's `data` may hold ``exception`` (qualified type name), ``traceback`` (text) and
    ``causes`` (the chain of wrapped exceptions, outermost first, as ``type: message``).
    """

    __pydantic_config__ = STRICT

    id: str
    stage: Stage
    required: bool
    outcome: CheckOutcome
    message: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Features:
    """What came out of the encoder.

    `width` is the feature dimension, `frames` the number of frames for the longest utterance of the batch,
    `parity` the largest absolute difference from the reference it `follows` (``raw`` or ``prepared`` input).
    `padded` tells by which of them padded utterances are computed: with a mask over the padding, or without one.
    """

    __pydantic_config__ = STRICT

    width: int | None = None
    frames: int | None = None
    parity: float | None = None
    follows: Literal["raw", "prepared", "both", "neither"] | None = None
    padded: Literal["masked", "unmasked", "neither"] | None = None


@dataclass(frozen=True, kw_only=True)
class Trials:
    """Train-mode steps, each with its own seed: how many of them passed."""

    __pydantic_config__ = STRICT

    passed: int
    of: int


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Proof that a cell ran: process id, UTC start, hash of its log (record and output), versions read inside.

    `mode` is ``forked`` (a child of the importing parent) or ``fresh`` (a process of its own). `ran_as` is the id of
    the environment that it ran as, where that is another one of the same lock: the log lies under that. `threads`
    are those that torch computed with; None where it came to nothing that computes.
    """

    __pydantic_config__ = STRICT

    pid: int
    started: str
    log_sha256: str
    versions: Mapping[str, str]
    mode: Literal["forked", "fresh"]
    ran_as: str | None = None
    threads: int | None = None


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What happened to one path on one device in one environment.

    `stage` is the failed stage, else the passed one. `exception` and `message` tell a failure's type and text.
    `remedy` is the id of a `Remedy` that was seen to make the cell work; it changes nothing about the cell.
    `content` is the digest of all that can change the outcome (`asrcompat.run.known`): a cell of the same is not run
    again.
    `since` (UTC) is when it was first seen in its state, of the runs that the report's history holds.
    `evidence` is None exactly where nothing ran: `unavailable`, `error` before the probe, failed resolve or install.
    """

    __pydantic_config__ = STRICT

    environment: str
    path: str
    device: Device
    outcome: Outcome
    stage: Stage | None = None
    passed: Stage | None = None
    failed: Stage | None = None
    signature: str | None = None
    cause: str | None = None
    exception: str | None = None
    message: str = ""
    remedy: str | None = None
    checks: tuple[Check, ...] = ()
    features: Features | None = None
    trials: Trials | None = None
    evidence: Evidence | None = None
    content: str | None = None
    since: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def recognised(self) -> str | None:
        """The signature that the catalogue knows the failure by."""
        return None if self.signature == UNRECOGNISED else self.signature

    @property
    def key(self) -> tuple[str, str, str]:
        """Identity of the cell: environment, path, device."""
        return (self.environment, self.path, self.device.value)
