"""The project's words as frozen dataclasses, and the schema of ``results.json``.

Everything that leaves the harness is made of these classes: per-environment result files, and
``reports/results.json``, the one source of every published form. They are plain standard-library
dataclasses; `dump` and `parse_*` do the (de)serialisation, strictly, so that a file written by
another version or torn in half is refused by name and never half-read.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

SCHEMA_VERSION = 1

_STRICT = ConfigDict(extra="forbid")


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


Weights = Literal["synthetic-small", "synthetic-base", "hub"]


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One combination of versions: one virtual environment, one nox session.

    `packages` holds the axis packages' versions as locked, by distribution name (``espnet-s3prl``
    stands under its own name). `lock` is a path relative to the report's folder. `seconds` maps a
    stage of building (``resolve``, ``install``, ``probe``) to its duration. `ran_at` (UTC) and `commit` (of the
    harness) tell when and by what its cells were found: a report may hold environments of several runs.
    """

    __pydantic_config__ = _STRICT

    id: str
    python: str
    packages: Mapping[str, str]
    torch_build: str | None = None
    declared: Literal["ok", "conflict", "unknown"] = "unknown"
    declared_reason: str | None = None
    installable: Literal["ok", "failed", "unknown"] = "unknown"
    lock: str | None = None
    lock_sha256: str | None = None
    index: str | None = None
    pins: tuple[str, ...] = ()
    derived_from: str | None = None
    reason: str | None = None
    build: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    ran_at: str | None = None
    commit: str | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """One observation at a stage. A check that is not `required` is reported and never decides an outcome.

    A failed check's `data` may hold ``exception`` (qualified type name), ``traceback`` (text) and
    ``causes`` (the chain of wrapped exceptions, outermost first, as ``type: message``).
    """

    __pydantic_config__ = _STRICT

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
    """

    __pydantic_config__ = _STRICT

    width: int | None = None
    frames: int | None = None
    parity: float | None = None
    follows: Literal["raw", "prepared", "both", "neither"] | None = None


@dataclass(frozen=True, kw_only=True)
class Trials:
    """Train-mode steps, each with its own seed: how many of them passed."""

    __pydantic_config__ = _STRICT

    passed: int
    of: int


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Proof that a cell ran: process id, UTC start, hash of its log, versions read inside the probe.

    `mode` is ``forked`` (a child of the importing parent) or ``fresh`` (a process of its own).
    """

    __pydantic_config__ = _STRICT

    pid: int
    started: str
    log_sha256: str
    versions: Mapping[str, str]
    mode: Literal["forked", "fresh"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What happened to one path on one device in one environment.

    `stage` is the failed stage, else the passed one. `exception` and `message` tell a failure's type and text.
    `evidence` is None exactly where nothing ran: `unavailable`, `error` before the probe, failed resolve or install.
    """

    __pydantic_config__ = _STRICT

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
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """Identity of the cell: environment, path, device."""
        return (self.environment, self.path, self.device.value)


@dataclass(frozen=True, kw_only=True)
class EnvironmentResult:
    """One environment's result file: what one nox session writes, and what `report` reads."""

    __pydantic_config__ = _STRICT

    schema: Literal[1]
    model: str
    weights: Weights
    generated_at: str
    harness: Mapping[str, str]
    host: Mapping[str, Any]
    environment: Environment
    cells: tuple[Cell, ...]
    weights_comparison: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Results:
    """``reports/results.json``: the one source of every published form."""

    __pydantic_config__ = _STRICT

    schema: Literal[1]
    model: str
    weights: Weights
    profile: str
    generated_at: str
    harness: Mapping[str, str]
    host: Mapping[str, Any]
    environments: tuple[Environment, ...]
    cells: tuple[Cell, ...]
    missing: tuple[str, ...] = ()
    expectations: Mapping[str, Any] = field(default_factory=dict)
    weights_comparison: Mapping[str, Any] | None = None
    claims: tuple[Mapping[str, Any], ...] = ()
    boundaries: tuple[Mapping[str, Any], ...] = ()
    rules: tuple[Mapping[str, Any], ...] = ()
    coverage: Mapping[str, Any] = field(default_factory=dict)


class ResultError(ValueError):
    """A result file that cannot be read: torn, foreign, or of another schema."""


_T = TypeVar("_T")

_ENVIRONMENT_RESULT = TypeAdapter(EnvironmentResult)
_RESULTS = TypeAdapter(Results)


def parse_environment_result(text: str | bytes, *, source: str) -> EnvironmentResult:
    """Read one environment's result; raises `ResultError` naming `source` where it is not one."""
    return _parse(_ENVIRONMENT_RESULT, text, source)


def parse_results(text: str | bytes, *, source: str) -> Results:
    """Read ``results.json``; raises `ResultError` naming `source` where it is not one."""
    return _parse(_RESULTS, text, source)


def _parse(adapter: TypeAdapter[_T], text: str | bytes, source: str) -> _T:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "(top level)"
        message = f"{source}: not a result file of schema {SCHEMA_VERSION}: {where}: {first['msg']}"
        raise ResultError(message) from error


def dump(value: EnvironmentResult | Results) -> str:
    """The value as JSON text: keys in the classes' order, two-space indent, a final newline."""
    return json.dumps(dataclasses.asdict(value), indent=2, ensure_ascii=False) + "\n"


def results_json_schema() -> dict[str, Any]:
    """The JSON Schema of ``results.json``."""
    schema = _RESULTS.json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "asrcompat results"
    return schema


def write_schema(path: Path) -> None:
    """Write the JSON Schema of ``results.json`` to `path`."""
    path.write_text(json.dumps(results_json_schema(), indent=2) + "\n", encoding="utf-8")
