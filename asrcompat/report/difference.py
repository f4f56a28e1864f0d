"""One difference between two reports in a line: what became of its cells, what moved, what would settle what did it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from asrcompat.model import UNRECOGNISED, Cell, Difference, Moved, Results
from asrcompat.report import words
from asrcompat.report.environments import EnvironmentRow
from asrcompat.report.grid import Entry, Target
from asrcompat.report.sanitize import one_line
from asrcompat.report.settle import Settling, boundary_told, found_boundary, rule_told, settling
from asrcompat.report.where import Key, label, where
from asrcompat.spec import request_id

_SHOWN = 8  # packages that moved, by name; results.json has all
_TITLE = 200
_JUDGED = ("regressed", "unstable now", "fails otherwise")


@dataclass(frozen=True, kw_only=True)
class Line:
    """Cells that changed alike: what they became, what moved, and what would settle what did it.

    `head` is their environment, each cell then by itself; or cells of several in words. `keys` are those of the cells,
    by their environment's request.
    """

    head: Entry
    cells: tuple[Entry, ...]
    became: str
    title: str
    moved: str
    notes: tuple[str, ...]
    command: str
    aim: str
    keys: tuple[Key, ...] = ()


class Teller:
    """Tells a difference in a line, by all that the results know of its cells."""

    def __init__(
        self,
        results: Results,
        rows: Sequence[EnvironmentRow],
        targets: Mapping[Key, Target],
        titles: Mapping[str, str],
        reproduce: Callable[[Cell], str],
    ) -> None:
        self._results = results
        self._targets = targets
        self._titles = titles
        self._reproduce = reproduce
        self._rows = {request_id(row.environment.id): row for row in rows if row.environment.host is None}
        self._cells = {(request_id(cell.environment), cell.path, cell.device): cell for cell in results.cells}
        told = results.changes
        self._moved = {one.environment: one for one in (told.moved if told is not None else ())}
        self._numbers = {row.environment.id: str(row.number) for row in rows}

    def line(self, one: Difference) -> Line:
        """Tell cells that failed of one thing, if they do."""
        name = request_id(one.environment)
        row = self._rows.get(name)
        cells = [self._cells.get((name, *place)) for place in one.cells]
        moved = self._moved.get(one.environment)
        first = next((cell for cell in cells if cell is not None), None)
        notes, settled = self._settled(one, moved, row, first) if one.kind in _JUDGED else ((), Settling())
        if one.since is not None:
            notes = (f"Since the report of {one.since.partition('T')[0]}; not run again after that", *notes)
        return Line(
            head=Entry(text=one.environment, target=None if row is None else row.target),
            cells=tuple(
                Entry(text=label(*place), target=None if cell is None else self._targets.get(cell.key))
                for place, cell in zip(one.cells, cells, strict=True)
            ),
            became=" → ".join(filter(None, (one.before, one.after))),
            title=self._title(first),
            moved="" if moved is None or one.kind in ("new", "gone") else moved_told(one, moved),
            notes=notes,
            command=settled.command,
            aim=settled.aim,
            keys=tuple((name, path, device.value) for path, device in one.cells),
        )

    def together(self, found: Sequence[Difference]) -> list[Line]:
        """Tell cells that were not there before: those that fail alike in one line, wherever they are."""
        groups: dict[tuple[str, str], list[Cell]] = {}
        for one in found:
            cells = [self._cells.get((request_id(one.environment), *place)) for place in one.cells]
            for cell in filter(None, cells):
                groups.setdefault((self._title(cell), one.after or ""), []).append(cell)
        numbers = {name: int(number) for name, number in self._numbers.items()}
        return [
            Line(
                head=Entry(text=where([cell.key for cell in cells], numbers)),
                cells=(),
                became=became,
                title=title,
                moved="",
                notes=(),
                command="",
                aim="",
            )
            for (title, became), cells in groups.items()
        ]

    def _title(self, cell: Cell | None) -> str:
        if cell is None or cell.failed is None:
            return ""
        if cell.signature is not None and cell.signature != UNRECOGNISED:
            return self._titles.get(cell.signature, cell.signature)
        return one_line(words.without_ours(": ".join(filter(None, (cell.exception, cell.message)))), _TITLE)

    def _settled(
        self, one: Difference, moved: Moved | None, row: EnvironmentRow | None, cell: Cell | None
    ) -> tuple[tuple[str, ...], Settling]:
        if moved is None or row is None or cell is None:
            return (), Settling()
        boundary = found_boundary(one, moved, self._results)
        told = [] if boundary is None else [boundary_told(boundary, self._numbers)]
        notes = (*told, *rule_told(cell, self._results))
        if boundary is not None and boundary.environment == row.environment.id and boundary.earlier is None:
            return notes, Settling()
        again = f"{self._reproduce(cell)} --again"
        return notes, settling(one, moved, row.environment, self._results, again)


def moved_told(one: Difference, moved: Moved) -> str:
    """What moved, who alone can have been it, and who is suspected."""
    code = "the code of this project that probes and judges" if moved.code else ""
    if not moved.versions:
        if code:
            return f"No package moved, but {code} did"
        known = "No package moved" if moved.whole else "No package of the axes moved, and of the others it is not known"
        return f"{known}: the run itself, the machine, or chance"
    if one.culprit is not None:
        return f"{_versions(moved.versions)}, which alone moved"
    order = [*one.suspects, *(name for name in moved.versions if name not in one.suspects)]
    shown = {name: moved.versions[name] for name in order[:_SHOWN]}
    more = len(order) - len(shown)
    rest = f" and {words.plural(more, 'other package')}" if more > 0 else ""
    known = f"; the failure is known by {', '.join(one.suspects)}" if one.suspects else ""
    part = "" if moved.whole else " (of the axes alone: a lock was not there to be read)"
    chance = "; it comes and goes, which may be chance" if moved.whole and len(order) == 1 and not code else ""
    return f"Moved: {_versions(shown)}{rest}{part}{known}{f'; and {code}' if code else ''}{chance}"


def _versions(moved: Mapping[str, tuple[str, str]]) -> str:
    return ", ".join(f"{name} {before} → {after}" for name, (before, after) in moved.items())
