"""What was found by running more than was asked for: what cures a failure, and where along an axis it began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from asrcompat.model.cell import Evidence, Trials
from asrcompat.model.words import STRICT, Device, LockName, Outcome, Stage


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """When an earlier report's search was, of which a report goes on telling (`asrcompat.explain.earlier`).

    `seen_at` (UTC), `commit` and `code` (`Environment.code`) are of the run that saw it, `fared` is how the cell fared
    then, for comparison. `moved` are the packages that the environment has in other versions since: then and now, ``-``
    for none.
    """

    __pydantic_config__ = STRICT

    seen_at: str | None
    commit: str | None
    code: str
    fared: str
    moved: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RemedyCell:
    """What one cell became with a remedy's changes made; `before` is what it was as installed, ``broken at load``.

    Where the cell was seen unstable, as installed or with fewer of the changes, `miss` is the chance that its steps
    would all have passed with nothing cured, if each still failed as often.
    """

    __pydantic_config__ = STRICT

    path: str
    device: Device
    before: str
    outcome: Outcome
    stage: Stage | None = None
    message: str = ""
    trials: Trials | None = None
    miss: float | None = None
    evidence: Evidence | None = None
    earlier: Earlier | None = None


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """Changes that were tried on a copy of an environment. `verified`: with them at least one cell works.

    `id` is the derived environment's, `changes` are of the kinds and values of `asrcompat.lab.change`, the smallest set
    that was found; `needless` were part of it and made no difference. `snippets` are texts to paste, by language.
    `differences` are the packages whose versions differ from the environment's own, ``numpy 1.26.4 -> 1.23.5``.
    """

    __pydantic_config__ = STRICT

    id: str
    environment: str
    changes: tuple[Mapping[str, str], ...]
    says: str
    verified: bool
    cells: tuple[RemedyCell, ...]
    signatures: tuple[str, ...] = ()
    needless: tuple[Mapping[str, str], ...] = ()
    snippets: tuple[Mapping[str, str], ...] = ()
    lock: LockName | None = None
    lock_sha256: str | None = None
    differences: tuple[str, ...] = ()
    ran_at: str | None = None
    commit: str | None = None


@dataclass(frozen=True, kw_only=True)
class BoundaryRun:
    """One release that was run on the way to a boundary. `attempt` is 0, then 1 when it was run again.

    `environment` is the id of the environment that was made for it; `trials` are its train-mode steps.
    """

    __pydantic_config__ = STRICT

    release: str
    attempt: int
    answer: Literal["good", "bad", "skip"]
    told: str
    environment: str
    outcome: Outcome
    stage: Stage | None = None
    exception: str | None = None
    trials: Trials | None = None


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """Last good and first bad release along an axis, as runs in one environment found them, all else as it has it.

    A release is good where the cell works or, where `stage` is given, passes that stage; what passes and fails is bad.
    `direction` is where the bad releases lie from the good ones. `verdict`: ``found``, the two are neighbours; ``gap``,
    between them lie only releases that gave no answer (`gap`); ``open``, up to the end of the line nothing answered
    otherwise; ``no change``, the ends answer alike or one gives no answer; ``unsure``, a release answered differently
    or not at all when it was run again, or the last good one may have been lucky. `skipped` are releases that gave no
    answer, with the reasons. `line` is the oldest and the newest of the `releases` there were to ask. `along` are
    packages that move with the axis; `differs` tells which other versions differ between last good and first bad, ``-``
    for none. `miss` is the probability that
    the last good release fails as often as the bad ones did and was lucky in every trial; None where nothing was bad.
    `peak_gb` is what the search's environments and cache held of the disk at the worst moment. `lock_sha256` is that of
    the environment's own lock, and `code` the digest of what probed and judged (`Environment.code`): with others the
    boundary may lie elsewhere.
    """

    __pydantic_config__ = STRICT

    environment: str
    axis: str
    path: str
    device: Device
    stage: Stage | None
    direction: Literal["newer", "older"]
    verdict: Literal["found", "gap", "open", "no change", "unsure"]
    last_good: str | None
    first_bad: str | None
    gap: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    runs: tuple[BoundaryRun, ...] = ()
    line: tuple[str, str] | None = None
    releases: int = 0
    along: tuple[str, ...] = ()
    differs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    miss: float | None = None
    peak_gb: float | None = None
    lock_sha256: str | None = None
    found_at: str | None = None
    commit: str | None = None
    code: str | None = None
    earlier: Earlier | None = None
