"""The whole of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from asrcompat.model.cell import Cell
from asrcompat.model.changes import Changes, LastVerdicts
from asrcompat.model.environment import Environment
from asrcompat.model.searches import Boundary, Remedy
from asrcompat.model.words import STRICT, Weights


@dataclass(frozen=True, kw_only=True)
class Results:
    """``reports/results.json``: the one source of every published form.

    `signatures` tells each recognised failure that was met: ``id``, ``title``, ``cause``, ``status``, ``source`` and
    ``cures`` (to try) of the catalogue, the ``cells`` and ``findings`` that it was met in, and the ``environments`` and
    ``versions`` seen ``failing`` and ``not_failing``, the latter also in ``affected``, by paths that fare alike.
    `unrecognised` groups the other failures by ``fingerprint``, each with the same (``cells`` is empty where only
    findings failed so), its ``innermost`` exception, the ``package`` that raised it and an ``entry`` for the catalogue.
    `rules` tells on which versions a failure depends (`explain.rules.judge`), `dated` what an environment was on an
    earlier day beside what it is today (`explain.dated`), `coverage` what a plan covers (`report.coverage`).
    `changes` is what changed since the report that this one replaced; None where it replaced none of the same kind.
    `last` are the last verdicts of cells that have none now, or whose environment has no result.
    """

    __pydantic_config__ = STRICT

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
    signatures: tuple[Mapping[str, Any], ...] = ()
    unrecognised: tuple[Mapping[str, Any], ...] = ()
    boundaries: tuple[Boundary, ...] = ()
    rules: tuple[Mapping[str, Any], ...] = ()
    remedies: tuple[Remedy, ...] = ()
    dated: tuple[Mapping[str, Any], ...] = ()
    coverage: Mapping[str, Any] = field(default_factory=dict)
    changes: Changes | None = None
    last: tuple[LastVerdicts, ...] = ()
