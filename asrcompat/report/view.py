"""What every form shows, prepared once: columns, rows, notes and the lists below the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asrcompat.model import Cell, Device, Outcome, Results
from asrcompat.report import expectations, facts, sanitize, words
from asrcompat.report.environments import EnvironmentRow, Lie, lies, path_label, reproduce, rows
from asrcompat.report.failures import Failure, Finding, failures, findings
from asrcompat.report.measurements import Measurements, measurements

if TYPE_CHECKING:
    from collections.abc import Sequence

_NOTE_LENGTH = 160


@dataclass(frozen=True, kw_only=True)
class Column:
    """One path on one device."""

    path: str
    device: Device
    title: str


@dataclass(frozen=True, kw_only=True)
class CellView:
    """A cell as the table shows it, with the failure that tells more and how it differs from what was expected."""

    cell: Cell
    failure: Failure | None
    mark: str

    @property
    def sign(self) -> str:
        """One character for the outcome."""
        return words.SIGNS[self.cell.outcome]

    @property
    def label(self) -> str:
        """The outcome and stage in words."""
        return words.cell_label(self.cell)

    @property
    def text(self) -> str:
        """Sign, words and mark on one line."""
        return " ".join(filter(None, [self.sign, self.label, f"[{self.mark}]" if self.mark else ""]))


@dataclass(frozen=True, kw_only=True)
class Note:
    """Why some cells of a row are not green, in a line."""

    subject: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: an environment, its cells under the columns, and its notes."""

    environment: EnvironmentRow
    cells: tuple[CellView | None, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True, kw_only=True)
class View:
    """Everything the forms show."""

    intro: str
    summary: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    folded: tuple[str, ...]
    measurements: Measurements
    expectations: tuple[tuple[str, tuple[expectations.Expectation, ...]], ...]
    failures: tuple[Failure, ...]
    findings: tuple[Finding, ...]
    lies: tuple[Lie, ...]
    host: tuple[tuple[str, str], ...]
    comparison: tuple[tuple[str, str], ...]
    example: str
    missing: tuple[str, ...]


def view(results: Results) -> View:
    """Prepare `results` for the forms."""
    told = failures(results.cells)
    columns, folded = _columns(results.cells)
    environment_rows = rows(results.environments, results.cells)
    marks = expectations.marks(results)
    failure_of = {cell.key: failure for failure in told for cell in failure.cells}
    cells = tuple(
        CellView(cell=cell, failure=failure_of.get(cell.key), mark=marks.get(cell.key, "")) for cell in results.cells
    )
    return View(
        columns=columns,
        rows=tuple(_row(row, columns, cells) for row in environment_rows),
        folded=folded,
        measurements=measurements(results.cells, {row.environment.id: row.number for row in environment_rows}),
        intro=facts.intro(results),
        summary=facts.summary(results),
        host=facts.host(results),
        comparison=facts.comparison(results),
        example=reproduce(results.cells[0], weights=results.weights) if results.cells else "nox -l",
        expectations=expectations.told(results),
        failures=told,
        findings=findings(results.cells),
        lies=lies(environment_rows, results.cells),
        missing=results.missing,
    )


def _columns(cells: Sequence[Cell]) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """One column per path and device; a device on which nothing ran becomes a line of text instead of noise."""
    devices = [device for device in Device if any(cell.device is device for cell in cells)]
    idle = [
        device
        for device in devices
        if device is not Device.CPU and not any(cell.evidence for cell in cells if cell.device is device)
    ]
    if len(idle) == len(devices):
        idle = []
    shown = [device for device in devices if device not in idle]
    pairs = dict.fromkeys((cell.path, device) for cell in cells for device in shown if cell.device is device)
    paths = list(dict.fromkeys(cell.path for cell in cells))
    ordered = sorted(pairs, key=lambda pair: (shown.index(pair[1]), paths.index(pair[0])))
    columns = tuple(Column(path=path, device=device, title=f"{path} ({device})") for path, device in ordered)
    return columns, tuple(_fold(device, [cell for cell in cells if cell.device is device]) for device in idle)


def _fold(device: Device, cells: Sequence[Cell]) -> str:
    reasons = dict.fromkeys(sanitize.one_line(cell.message, _NOTE_LENGTH) for cell in cells if cell.message)
    if all(cell.outcome is Outcome.UNAVAILABLE for cell in cells):
        why = f" ({next(iter(reasons))})" if len(reasons) == 1 else ""
        return f"{device}: unavailable on this host{why}"
    standings = [words.cell_label(cell) for cell in cells]
    counted = ", ".join(f"{standings.count(standing)} {standing}" for standing in dict.fromkeys(standings))
    return f"{device}: nothing ran ({counted})"


def _row(row: EnvironmentRow, columns: Sequence[Column], cells: Sequence[CellView]) -> Row:
    own = {(item.cell.path, item.cell.device): item for item in cells if item.cell.environment == row.environment.id}
    shown = tuple(own.get((column.path, column.device)) for column in columns)
    return Row(environment=row, cells=shown, notes=_notes([item for item in shown if item]))


def _notes(cells: Sequence[CellView]) -> tuple[Note, ...]:
    groups: dict[str, list[CellView]] = {}
    for item in cells:
        if item.cell.outcome is not Outcome.WORKS:
            groups.setdefault(_reason(item.cell), []).append(item)
    alone = len(cells) > 1
    return tuple(
        Note(
            subject="all" if alone and len(group) == len(cells) else ", ".join(path_label(item.cell) for item in group),
            text=text,
        )
        for text, group in groups.items()
    )


def _reason(cell: Cell) -> str:
    if cell.cause:
        return sanitize.one_line(cell.cause, _NOTE_LENGTH)
    exception = (cell.exception or "").rpartition(".")[2]
    return sanitize.one_line(": ".join(filter(None, [exception, cell.message])), _NOTE_LENGTH)
