"""What a report says of the one that it replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from asrcompat.model.cell import Cell
from asrcompat.model.environment import Environment
from asrcompat.model.words import STRICT, Device, LockName


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Cells of one environment that fare otherwise than in the report before, all of them alike.

    `kind` is one of `asrcompat.explain.changed.Kind`. `before` and `after` are outcomes in words, None where there was
    no such cell. `culprit` is the package that alone moved, where nothing else can have been it; `suspects` are those
    of what moved that the failure is known by. `since` is when the report was generated that they were compared with,
    where that is an earlier one than the record's: nothing of them was run since.
    """

    __pydantic_config__ = STRICT

    kind: Literal["regressed", "unstable now", "fails otherwise", "fixed", "gone", "new", "undecided"]
    environment: str
    cells: tuple[tuple[str, Device], ...]
    before: str | None = None
    after: str | None = None
    culprit: str | None = None
    suspects: tuple[str, ...] = ()
    since: str | None = None


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What moved in an environment since the report before: earlier and later version by package, ``-`` for none.

    `whole`: these are all, as both locks tell. `code`: what gave, probed and judged is not the same. `lock` is the
    earlier lock, relative to the report's folder, where it was kept for a bisection.
    """

    __pydantic_config__ = STRICT

    environment: str
    versions: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    whole: bool = False
    code: bool = False
    lock: LockName | None = None


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What changed since the report that this one was published over, which was `generated_at` and by `commit`.

    `moved` is told of the environments that both have and of which cells fare otherwise. `folder` is where this report
    lies in the checkout, empty where it lies elsewhere.
    """

    __pydantic_config__ = STRICT

    generated_at: str
    commit: str | None = None
    folder: str = ""
    differences: tuple[Difference, ...] = ()
    moved: tuple[Moved, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LastVerdicts:
    """What cells of an environment came to when last they had a verdict, which they have not in this report.

    Without it an outage would hide what changed across it. Both are kept without what no comparison needs; the
    environment's `lock` is the one of that time.
    """

    __pydantic_config__ = STRICT

    environment: Environment
    cells: tuple[Cell, ...]
