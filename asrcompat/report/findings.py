"""What was found besides: checks that are not required, told by stage, the same thing once.

For each stage a grid of checks and paths shows what passed where; below it each check has its stories: what was said,
by which paths in which environments. Recipes are told apart (`recipe`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from asrcompat.model import Cell, Check, CheckOutcome, Device, Outcome, Stage
from asrcompat.report import alike, sanitize, words
from asrcompat.report.failures import FAILED
from asrcompat.report.grid import Entry, Grid, Line, Target
from asrcompat.report.recipe import recipe
from asrcompat.report.table import paths
from asrcompat.report.tracebacks import Traceback, tracebacks
from asrcompat.report.where import counted, where

_MESSAGE_LENGTH = 600
_WORST_FIRST = (
    CheckOutcome.FAILED,
    CheckOutcome.UNSTABLE,
    CheckOutcome.ERROR,
    CheckOutcome.PASSED,
    CheckOutcome.SKIPPED,
)
_KINDS = {
    CheckOutcome.PASSED: "works",
    CheckOutcome.FAILED: "broken",
    CheckOutcome.UNSTABLE: "unstable",
    CheckOutcome.ERROR: "error",
    CheckOutcome.SKIPPED: "absent",
}

_Seen = tuple[Check, Cell]


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a check said, and where; `traceback` is where the exception is told."""

    outcome: CheckOutcome
    text: str
    where: str
    traceback: Target | None

    @property
    def sign(self) -> str:
        """One character for the outcome."""
        return words.CHECK_SIGNS[self.outcome]


@dataclass(frozen=True, kw_only=True)
class CheckStories:
    """All that one check said, what did not pass first."""

    id: str
    stories: tuple[Story, ...]

    @property
    def signs(self) -> tuple[str, ...]:
        """The signs of its stories, each once."""
        return tuple(dict.fromkeys(story.sign for story in self.stories))


@dataclass(frozen=True, kw_only=True)
class StageFindings:
    """The checks of one stage on one device."""

    title: str
    grid: Grid
    checks: tuple[CheckStories, ...]


@dataclass(frozen=True, kw_only=True)
class Findings:
    """All that was found besides, and the tracebacks that it refers to."""

    stages: tuple[StageFindings, ...]
    recipe: Grid | None
    tracebacks: tuple[Traceback, ...]
    summary: str


def findings(cells: Sequence[Cell], numbers: Mapping[str, int]) -> Findings:
    """Gather what the checks say that decide nothing, environments by their numbers."""
    seen = [(check, cell) for cell in cells for check in cell.checks if not check.required]
    told, targets = tracebacks(seen, numbers)
    return Findings(
        stages=tuple(_stages([one for one in seen if one[0].stage is not Stage.RECIPE], cells, numbers, targets)),
        recipe=recipe(cells, numbers, targets),
        tracebacks=told,
        summary=_summary(seen),
    )


def _summary(seen: Sequence[_Seen]) -> str:
    outcomes = [check.outcome for check, _ in seen]
    counts = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in _WORST_FIRST if outcome in outcomes)
    return f"{words.plural(len(seen), 'check')} that decide nothing: {counts}." if seen else ""


def _stages(
    seen: Sequence[_Seen], cells: Sequence[Cell], numbers: Mapping[str, int], targets: Mapping[int, Target]
) -> Iterator[StageFindings]:
    order = paths(cells)
    several = len({cell.device for _, cell in seen}) > 1
    for device in Device:
        for stage in Stage:
            here = [(check, cell) for check, cell in seen if check.stage is stage and cell.device is device]
            if not here:
                continue
            came = [cell for cell in cells if cell.device is device and _came_to(stage, cell)]
            identities = list(dict.fromkeys(check.id for check, _ in here))
            columns = [path for path in order if any(cell.path == path for _, cell in here)]
            yield StageFindings(
                title=f"{stage} ({device})" if several else stage.value,
                grid=_grid(here, came, identities, columns, numbers),
                checks=tuple(_told(identity, here, came, columns, numbers, targets) for identity in identities),
            )


def _came_to(stage: Stage, cell: Cell) -> bool:
    """Whether the cell's climb tried the stage; what ended in an error of ours says nothing."""
    last = cell.failed or cell.passed
    return cell.outcome is not Outcome.ERROR and last is not None and last.rung >= stage.rung


def _grid(
    seen: Sequence[_Seen],
    came: Sequence[Cell],
    identities: Sequence[str],
    columns: Sequence[str],
    numbers: Mapping[str, int],
) -> Grid:
    at: dict[tuple[str, str], list[_Seen]] = {}
    for check, cell in seen:
        at.setdefault((check.id, cell.path), []).append((check, cell))
    so_far = {path: {cell.environment for cell in came if cell.path == path} for path in columns}
    return Grid(
        corner="check",
        columns=tuple(Entry(text=path) for path in columns),
        lines=tuple(
            Line(
                head=Entry(text=identity),
                entries=tuple(_together(at.get((identity, path), ()), so_far[path], numbers) for path in columns),
            )
            for identity in identities
        ),
    )


def _together(seen: Sequence[_Seen], came: Set[str], numbers: Mapping[str, int]) -> Entry:
    """A sign where all environments that came so far agree, else signs with the numbers of those that they hold for."""
    outcomes = [outcome for outcome in _WORST_FIRST if any(check.outcome is outcome for check, _ in seen)]
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


def _environments(seen: Iterable[_Seen], outcome: CheckOutcome) -> list[str]:
    return [cell.environment for check, cell in seen if check.outcome is outcome]


def _told(
    identity: str,
    seen: Sequence[_Seen],
    came: Sequence[Cell],
    columns: Sequence[str],
    numbers: Mapping[str, int],
    targets: Mapping[int, Target],
) -> CheckStories:
    """Paths that say the same are told together; what differs in measured figures alone is told once per path.

    Some checks are written only where something happened, so a path is all there is of it where it is all that came as
    far, not where it is all that has the check.
    """
    had = {cell.key: cell for check, cell in seen if check.id == identity}
    among = {cell.path for cell in had.values()}
    so_far = [*had, *(cell.key for cell in came if cell.path in among)]
    groups: dict[tuple[CheckOutcome, str], list[_Seen]] = {}
    for path in columns:
        for outcome in _WORST_FIRST:
            own = [one for one in seen if one[0].id == identity and one[1].path == path and one[0].outcome is outcome]
            said = [(sanitize.one_line(one[0].message, _MESSAGE_LENGTH), index) for index, one in enumerate(own)]
            for text, indices in alike.together(said):
                if text:
                    groups.setdefault((outcome, text), []).extend(own[index] for index in indices)
    ordered = sorted(groups.items(), key=lambda group: _WORST_FIRST.index(group[0][0]))
    stories = (
        Story(
            outcome=outcome,
            text=text,
            where=where([cell.key for _, cell in group], numbers, of=so_far),
            traceback=next((targets[id(check)] for check, _ in group if id(check) in targets), None),
        )
        for (outcome, text), group in ordered
    )
    return CheckStories(id=identity, stories=tuple(stories))
