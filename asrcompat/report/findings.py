"""What was found besides: checks that are not required, told by stage, the same thing once.

For each stage a grid of checks and paths shows what passed where; below it each check has its stories: what was said,
by which paths in which environments. Recipes are told apart (`recipe`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from asrcompat.model import Cell, CheckOutcome, Device, Outcome, Stage
from asrcompat.report import words
from asrcompat.report.failures import FAILED
from asrcompat.report.grid import Entry, Grid, Line, Target
from asrcompat.report.recipe import recipe
from asrcompat.report.stories import WORST_FIRST, CheckKey, CheckStories, Seen, key_of, stories
from asrcompat.report.table import paths
from asrcompat.report.tracebacks import Traceback, tracebacks
from asrcompat.report.where import counted

_KINDS = {
    CheckOutcome.PASSED: "works",
    CheckOutcome.FAILED: "broken",
    CheckOutcome.UNSTABLE: "unstable",
    CheckOutcome.ERROR: "error",
    CheckOutcome.SKIPPED: "absent",
}


@dataclass(frozen=True, kw_only=True)
class StageFindings:
    """The checks of one stage on one device."""

    title: str
    grid: Grid
    checks: tuple[CheckStories, ...]


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All that was found besides, and the tracebacks that it refers to; `checks` are links to what each check said."""

    stages: tuple[StageFindings, ...]
    recipe: Grid | None
    tracebacks: tuple[Traceback, ...]
    summary: str
    checks: Mapping[CheckKey, Target]


def findings(cells: Sequence[Cell], numbers: Mapping[str, int]) -> Findings:
    """Gather what the checks say that decide nothing, environments by their numbers."""
    seen = [(check, cell) for cell in cells for check in cell.checks if not check.required]
    told, targets = tracebacks(seen, numbers)
    checks = {
        key: Target(page="findings", anchor=f"check-{number}")
        for number, key in enumerate(dict.fromkeys(map(key_of, seen)), start=1)
    }
    beside = [one for one in seen if one[0].stage is not Stage.RECIPE]
    return Findings(
        stages=tuple(_stages(beside, cells, numbers, targets, checks)),
        recipe=recipe(cells, numbers, targets, checks),
        tracebacks=told,
        summary=_summary(seen),
        checks=checks,
    )


def _summary(seen: Sequence[Seen]) -> str:
    outcomes = [check.outcome for check, _ in seen]
    counts = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in WORST_FIRST if outcome in outcomes)
    return (
        f"{words.plural(len(seen), 'check')} beyond the ladder, none of which changes an outcome: {counts}."
        if seen
        else ""
    )


def _stages(
    seen: Sequence[Seen],
    cells: Sequence[Cell],
    numbers: Mapping[str, int],
    targets: Mapping[int, Target],
    checks: Mapping[CheckKey, Target],
) -> Iterator[StageFindings]:
    order = paths(cells)
    several = len({cell.device for _, cell in seen}) > 1
    for device in Device:
        for stage in Stage:
            by_check: dict[CheckKey, list[Seen]] = {}
            for check, cell in seen:
                if check.stage is stage and cell.device is device:
                    by_check.setdefault(key_of((check, cell)), []).append((check, cell))
            if not by_check:
                continue
            came = [cell for cell in cells if cell.device is device and _came_to(stage, cell)]
            there = {cell.path for of in by_check.values() for _, cell in of}
            columns = [path for path in order if path in there]
            told = {key: stories(checks[key], of, came, columns, numbers, targets) for key, of in by_check.items()}
            yield StageFindings(
                title=f"{stage} ({device})" if several else stage.value,
                grid=_grid(by_check, told, came, columns, numbers),
                checks=tuple(told.values()),
            )


def _came_to(stage: Stage, cell: Cell) -> bool:
    """Whether the cell's climb tried the stage; what ended in an error of ours says nothing."""
    last = cell.failed or cell.passed
    return cell.outcome is not Outcome.ERROR and last is not None and last.rung >= stage.rung


def _grid(
    by_check: Mapping[CheckKey, Sequence[Seen]],
    told: Mapping[CheckKey, CheckStories],
    came: Sequence[Cell],
    columns: Sequence[str],
    numbers: Mapping[str, int],
) -> Grid:
    """A line for each check; one that has nothing to say below is where links to it lead."""
    so_far = {path: {cell.environment for cell in came if cell.path == path} for path in columns}

    def line(check: CheckStories, of: Sequence[Seen]) -> Line:
        at = {path: [one for one in of if one[1].path == path] for path in columns}
        return Line(
            head=Entry(text=check.id, target=check.target if check.stories else None),
            entries=tuple(_together(at[path], so_far[path], numbers) for path in columns),
            anchor="" if check.stories else check.target.anchor,
        )

    return Grid(
        corner="check",
        columns=tuple(Entry(text=path) for path in columns),
        lines=tuple(line(told[key], of) for key, of in by_check.items()),
    )


def _together(seen: Sequence[Seen], came: Set[str], numbers: Mapping[str, int]) -> Entry:
    """A sign where all environments that came so far agree, else signs with the numbers of those that they hold for."""
    outcomes = [outcome for outcome in WORST_FIRST if any(check.outcome is outcome for check, _ in seen)]
    if not outcomes:
        return Entry()
    agree = len(outcomes) == 1 and came <= {cell.environment for _, cell in seen}
    parts = [
        words.CHECK_SIGNS[outcome] + ("" if agree else " " + counted(_environments(seen, outcome), numbers))
        for outcome in outcomes
    ]
    # Red is for what failed wherever it ran.
    mixed = len(outcomes) > 1 and outcomes[0] in FAILED
    return Entry(text="; ".join(parts), kind="unstable" if mixed else _KINDS[outcomes[0]])


def _environments(seen: Iterable[Seen], outcome: CheckOutcome) -> list[str]:
    return [cell.environment for check, cell in seen if check.outcome is outcome]
