"""One combination of versions, and the file that one session of it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from asrcompat.model.cell import Cell
from asrcompat.model.words import STRICT, LockName, Weights


@dataclass(frozen=True, kw_only=True)
class Environment:
    """One combination of versions: one virtual environment, one nox session.

    `packages` holds the axis packages' versions as locked, by distribution name (``espnet-s3prl``
    stands under its own name). `lock` is a path relative to the report's folder, of requirements text; `pylock` is that
    of the same resolution by PEP 751. `unaided` are the packages, with their versions or ``-`` for none, of which a
    resolver makes another choice without `pins`; `as_of` is the day (YYYY-MM-DD) as of which the index was taken.
    `seconds` maps a
    stage of building (``resolve``, ``install``, ``probe``) to its duration. `ran_at` (UTC) and `commit` (of the
    harness) tell when and by what its cells were found: a report may hold environments of several runs, which compare
    where `code` (the digest of what gave, probed and judged, `asrcompat.run.code`) is the same.
    `host` names the host of an environment that was there already and was probed as it is; `installed` lists what
    was found in such a one, as ``name==version``, or as ``name @ address`` what is no release (`doctor.origins`): its
    lock is made of that, and has no hashes.
    """

    __pydantic_config__ = STRICT

    id: str
    python: str
    packages: Mapping[str, str]
    torch_build: str | None = None
    declared: Literal["ok", "conflict", "unknown"] = "unknown"
    declared_reason: str | None = None
    installable: Literal["ok", "failed", "unknown"] = "unknown"
    lock: LockName | None = None
    lock_sha256: str | None = None
    pylock: LockName | None = None
    index: str | None = None
    pins: tuple[str, ...] = ()
    unaided: Mapping[str, str] = field(default_factory=dict)
    as_of: str | None = None
    derived_from: str | None = None
    reason: str | None = None
    build: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    ran_at: str | None = None
    commit: str | None = None
    code: str | None = None
    host: str | None = None
    installed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EnvironmentResult:
    """One environment's result file: what one nox session writes, and what `report` reads."""

    __pydantic_config__ = STRICT

    schema: Literal[1]
    model: str
    weights: Weights
    generated_at: str
    harness: Mapping[str, str]
    host: Mapping[str, Any]
    environment: Environment
    cells: tuple[Cell, ...]
    weights_comparison: Mapping[str, Any] | None = None
