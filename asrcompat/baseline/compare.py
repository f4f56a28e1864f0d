"""What was found against what was expected: regressions, news, and what the harness left undone.

Verdicts are ordered: works, unstable, broken at a later stage, broken at an earlier one. `error`, `unavailable` and a
missing cell are no verdicts on packages, so they are never worse or better; they can be unfinished work.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.errors import ExitCode
from asrcompat.model import Cell, Device, Outcome, Stage
from asrcompat.spec import request_id

from .document import Baseline, Expectation

CellKey = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A cell that is not as expected. For unfinished ones, `expected` is None where nothing was.

    `expected` holds the baseline's words and reason; `reason` is why the verdict found is what it is.
    """

    environment: str
    path: str
    device: str
    expected: str | None
    found: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Unlisted:
    """A cell with a verdict that the baseline says nothing about, and the lines that would say it."""

    environment: str
    path: str
    device: str
    found: str
    toml: str


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What the baseline says about a planned cell."""

    environment: str
    path: str
    device: str
    outcome: str
    stage: str | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The judgement on a run; `exit_code` is what the command ends with."""

    regressions: tuple[Difference, ...] = ()
    news: tuple[Difference, ...] = ()
    unfinished: tuple[Difference, ...] = ()
    unlisted: tuple[Unlisted, ...] = ()
    expected: tuple[Expected, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """A regression is told before unfinished work: it is the one that somebody has to look at."""
        if self.regressions:
            return ExitCode.WORSE
        return ExitCode.UNFINISHED if self.unfinished else ExitCode.OK

    def as_data(self) -> dict[str, Any]:
        """The judgement as `Results.expectations` holds it."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        lists = {name: [dataclasses.asdict(entry) for entry in entries] for name, entries in fields.items()}
        return {**lists, "exit_code": int(self.exit_code)}


def compare(baseline: Baseline, *, planned: Sequence[CellKey], cells: Iterable[Cell]) -> Comparison:
    """Judge every planned cell, and every one found.

    An environment's id may name the build of torch in `planned`, in `cells`, in both or in neither; the judgement uses
    the id of the cell where there is one, since that is the one results are kept under.
    """
    found = {_neutral(cell.key): cell for cell in cells}
    lists: dict[str, list[Any]] = {field.name: [] for field in dataclasses.fields(Comparison)}
    keys = {_neutral(key): key for key in planned} | {key: cell.key for key, cell in found.items()}
    for neutral, key in keys.items():
        expectation, cell = baseline.expected(*key), found.get(neutral)
        if expectation is not None:
            lists["expected"].append(_expected(key, expectation))
        name = _verdict(expectation, cell)
        if name == "unlisted" and cell is not None:
            lists[name].append(_unlisted(cell))
        elif name is not None:
            lists[name].append(_difference(key, expectation, cell))
    return Comparison(**{name: tuple(entries) for name, entries in lists.items()})


def _verdict(expectation: Expectation | None, cell: Cell | None) -> str | None:
    """The list that a cell belongs to; None for a cell as expected."""
    if cell is None or cell.outcome is Outcome.ERROR:
        return "unfinished"
    if cell.outcome is Outcome.UNAVAILABLE:
        # A machine without the device is no fault; one without the interpreter leaves undone what should have run.
        missed = cell.device is Device.CPU and expectation is not None and expectation.outcome != "unavailable"
        return "unfinished" if missed else None
    if expectation is None:
        return "unlisted"
    if expectation.outcome == "unavailable":
        return "news"
    height = _height(cell.outcome, cell.failed or cell.stage)
    wanted = _height(Outcome(expectation.outcome), expectation.stage)
    if height == wanted:
        return None
    return "regressions" if height < wanted else "news"


def _height(outcome: Outcome, stage: Stage | None) -> tuple[int, int]:
    """A verdict's place in the order; the stage counts among the broken only."""
    if outcome is Outcome.BROKEN:
        return (0, stage.rung if stage is not None else -1)
    return (1, 0) if outcome is Outcome.UNSTABLE else (2, 0)


def _neutral(key: CellKey) -> CellKey:
    environment, path, device = key
    return (request_id(environment), path, device)


def _words(outcome: str, stage: Stage | None) -> str:
    return f"{outcome} at {stage}" if stage is not None and outcome in {"broken", "unstable"} else outcome


def _found(cell: Cell | None) -> str:
    if cell is None:
        return "missing"
    if cell.trials is not None and cell.outcome is Outcome.UNSTABLE:
        return f"unstable ({cell.trials.passed} of {cell.trials.of} passed)"
    return _words(cell.outcome, cell.failed or cell.stage)


def _because(cell: Cell) -> str:
    """A failure in one line, for want of a person's words."""
    message = cell.message.strip().partition("\n")[0].strip()
    text = cell.cause or ": ".join(part for part in (cell.exception, message) if part)
    return "".join(character if character.isprintable() else " " for character in text).strip() or "unknown"


def _expected(key: CellKey, entry: Expectation) -> Expected:
    environment, path, device = key
    return Expected(
        environment=environment,
        path=path,
        device=device,
        outcome=entry.outcome,
        stage=entry.stage and entry.stage.value,
        reason=entry.reason or "",
    )


def _difference(key: CellKey, entry: Expectation | None, cell: Cell | None) -> Difference:
    environment, path, device = key
    return Difference(
        environment=environment,
        path=path,
        device=device,
        expected=None if entry is None else _awaited(entry),
        found=_found(cell),
        # An old reason beside a new failure would be told as its cause.
        reason=_because(cell) if cell is not None and cell.outcome is not Outcome.WORKS else "",
    )


def _awaited(entry: Expectation) -> str:
    words = _words(entry.outcome, entry.stage)
    return f"{words}: {entry.reason}" if entry.reason else words


def _unlisted(cell: Cell) -> Unlisted:
    environment, path, device = cell.key
    lines = {"environment": request_id(environment), "path": path, "outcome": cell.outcome.value}
    if cell.device is not Device.CPU:
        lines["device"] = device
    if cell.outcome is not Outcome.WORKS:
        stage = cell.failed or cell.stage
        lines |= {"stage": stage.value} if stage is not None else {}
        lines["reason"] = _because(cell)
    toml = "\n".join(["[[expect]]", *(f"{key} = {_toml_string(value)}" for key, value in lines.items())])
    return Unlisted(environment=environment, path=path, device=device, found=_found(cell), toml=toml)


def _toml_string(text: str) -> str:
    """Quote as JSON does; of printable text, TOML reads the same."""
    return json.dumps(text, ensure_ascii=False)
