"""The project's words as frozen dataclasses.

Everything that leaves the harness is made of these classes: per-environment result files, and
``reports/results.json``, the one source of every published form (`asrcompat.result_files`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict

_STRICT = ConfigDict(extra="forbid")


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

    __pydantic_config__ = _STRICT

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
    `padded` tells by which of them padded utterances are computed: with a mask over the padding, or without one.
    """

    __pydantic_config__ = _STRICT

    width: int | None = None
    frames: int | None = None
    parity: float | None = None
    follows: Literal["raw", "prepared", "both", "neither"] | None = None
    padded: Literal["masked", "unmasked", "neither"] | None = None


@dataclass(frozen=True, kw_only=True)
class Trials:
    """Train-mode steps, each with its own seed: how many of them passed."""

    __pydantic_config__ = _STRICT

    passed: int
    of: int


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Proof that a cell ran: process id, UTC start, hash of its log (record and output), versions read inside.

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
    `remedy` is the id of a `Remedy` that was seen to make the cell work; it changes nothing about the cell.
    `content` is the digest of all that can change the outcome (`asrcompat.run.known`): a cell of the same is not run
    again.
    `since` (UTC) is when it was first seen in its state, of the runs that the report's history holds.
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
class RemedyCell:
    """What one cell became with a remedy's changes made; `before` is what it was as installed, ``broken at load``.

    Where the cell was seen unstable, as installed or with fewer of the changes, `miss` is the chance that its steps
    would all have passed with nothing cured, if each still failed as often.
    """

    __pydantic_config__ = _STRICT

    path: str
    device: Device
    before: str
    outcome: Outcome
    stage: Stage | None = None
    message: str = ""
    trials: Trials | None = None
    miss: float | None = None
    evidence: Evidence | None = None


@dataclass(frozen=True, kw_only=True)
class Remedy:
    """Changes that were tried on a copy of an environment. `verified`: with them at least one cell works.

    `id` is the derived environment's, `changes` are of the kinds and values of `asrcompat.lab.change`, the smallest set
    that was found; `needless` were part of it and made no difference. `snippets` are texts to paste, by language.
    `differences` are the packages whose versions differ from the environment's own, ``numpy 1.26.4 -> 1.23.5``.
    """

    __pydantic_config__ = _STRICT

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

    __pydantic_config__ = _STRICT

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

    __pydantic_config__ = _STRICT

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


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Cells of one environment that fare otherwise than in the report before, all of them alike.

    `kind` is one of `asrcompat.explain.changed.Kind`. `before` and `after` are outcomes in words, None where there was
    no such cell. `culprit` is the package that alone moved, where nothing else can have been it; `suspects` are those
    of what moved that the failure is known by. `since` is when the report was generated that they were compared with,
    where that is an earlier one than the record's: nothing of them was run since.
    """

    __pydantic_config__ = _STRICT

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

    __pydantic_config__ = _STRICT

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

    __pydantic_config__ = _STRICT

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

    __pydantic_config__ = _STRICT

    environment: Environment
    cells: tuple[Cell, ...]


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
    signatures: tuple[Mapping[str, Any], ...] = ()
    unrecognised: tuple[Mapping[str, Any], ...] = ()
    boundaries: tuple[Boundary, ...] = ()
    rules: tuple[Mapping[str, Any], ...] = ()
    remedies: tuple[Remedy, ...] = ()
    dated: tuple[Mapping[str, Any], ...] = ()
    coverage: Mapping[str, Any] = field(default_factory=dict)
    changes: Changes | None = None
    last: tuple[LastVerdicts, ...] = ()
