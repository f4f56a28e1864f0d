"""When cells came into their state: what changed from run to run, the latest first, and since when all is as it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from asrcompat.explain.since import History
from asrcompat.model import Cell, Results
from asrcompat.report import words
from asrcompat.report.environments import EnvironmentRow
from asrcompat.report.grid import Entry, Target
from asrcompat.report.places import Place, places
from asrcompat.report.where import Key, label
from asrcompat.spec import request_id

_Changes = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """Cells of one environment that changed alike in one run: what they were, and what they became."""

    environment: Entry
    paths: str
    before: str
    after: str
    kind: str


@dataclass(frozen=True, kw_only=True)
class Day:
    """What changed on a day (UTC)."""

    day: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True, kw_only=True)
class State:
    """The cells that are in a state since the same day."""

    told: str
    kind: str
    cells: int
    places: tuple[Place, ...]


@dataclass(frozen=True, kw_only=True)
class Since:
    """What is as it is since a day, which is that of the cell's last change, or of its first run that is kept."""

    day: str
    cells: int
    states: tuple[State, ...]


@dataclass(frozen=True, kw_only=True)
class When:
    """The history's page."""

    changed: tuple[Day, ...]
    since: tuple[Since, ...]


def when(results: Results, history: History, rows: Sequence[EnvironmentRow], targets: Mapping[Key, Target]) -> When:
    """Lay the history out; results that were never given their moments have none."""
    by_name = {request_id(row.environment.id): row for row in rows}
    numbers = {row.environment.id: row.number for row in rows}
    return When(
        changed=tuple(_changed(history, by_name)),
        since=tuple(_since(results.cells, numbers, targets)),
    )


def _changed(history: History, rows: Mapping[str, EnvironmentRow]) -> Iterator[Day]:
    turns: dict[str, dict[tuple[str, str, str, str], list[str]]] = {}
    for name, changes in history.cells.items():
        for moment, place, before, after in _turns(changes):
            turns.setdefault(moment.partition("T")[0], {}).setdefault((moment, name, before, after), []).append(place)
    for day in sorted(turns, reverse=True):
        order = sorted(turns[day], key=lambda one: _order(one, rows))
        yield Day(
            day=day,
            turns=tuple(
                Turn(
                    environment=rows[name].entry if name in rows else Entry(text=name),
                    paths=", ".join(turns[day][moment, name, before, after]),
                    before=before,
                    after=after,
                    kind=after.partition(" ")[0],
                )
                for moment, name, before, after in order
            ),
        )


def _order(one: tuple[str, str, str, str], rows: Mapping[str, EnvironmentRow]) -> tuple[int, str, str, str]:
    """Within a day as the table has the environments; those that it has no more come last."""
    _, name, before, after = one
    return rows[name].number if name in rows else len(rows) + 1, name, before, after


def _turns(changes: _Changes) -> Iterator[tuple[str, str, str, str]]:
    for place, told in changes.items():
        path, _, device = place.rpartition(" on ")
        for (_, before), (moment, after) in pairwise(told):
            yield moment, label(path, device), before, after


def _since(cells: Iterable[Cell], numbers: Mapping[str, int], targets: Mapping[Key, Target]) -> Iterator[Since]:
    days: dict[str, dict[tuple[str, str], list[Cell]]] = {}
    for cell in cells:
        if cell.since:
            state = (cell.outcome.value, words.standing(cell.outcome, cell.failed))
            days.setdefault(cell.since.partition("T")[0], {}).setdefault(state, []).append(cell)
    for day in sorted(days, reverse=True):
        yield Since(
            day=day,
            cells=sum(map(len, days[day].values())),
            states=tuple(
                State(
                    told=told,
                    kind=kind,
                    cells=len(own),
                    places=tuple(places([cell.key for cell in own], numbers, targets)),
                )
                for (kind, told), own in sorted(days[day].items())
            ),
        )
