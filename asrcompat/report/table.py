"""The main table: a line for each path, a column for each environment, whose versions stand on top.

One table per device. A device on which nothing ran becomes a line of text instead of noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from asrcompat.model import Cell, Device, Outcome
from asrcompat.report import sanitize, words
from asrcompat.report.environments import EnvironmentRow, version_lines
from asrcompat.report.grid import NOT_ASKED, Entry, Grid, Line, Target
from asrcompat.spec import STATES, split_path

_NOTE_LENGTH = 160

Tell = Callable[[Cell], Entry]


@dataclass(frozen=True, kw_only=True)
class DeviceTable:
    """What became of every path on one device."""

    device: Device
    grid: Grid


def tables(
    cells: Sequence[Cell],
    environments: Sequence[EnvironmentRow],
    *,
    targets: Mapping[tuple[str, str, str], Target],
    marks: Mapping[tuple[str, str, str], str],
) -> tuple[tuple[DeviceTable, ...], tuple[str, ...]]:
    """Give the tables of the devices on which something ran, and a line for each other device."""

    def tell(cell: Cell) -> Entry:
        text = f"{words.SIGNS[cell.outcome]} {words.short_label(cell)}"
        kind, mark = cell.outcome.value, marks.get(cell.key, "")
        return Entry(text=text, target=targets.get(cell.key), kind=kind, mark=mark)

    shown, idle = devices(cells)
    versions = version_lines(environments)
    drawn = []
    for device in shown:
        of_device = [cell for cell in cells if cell.device is device]
        grid = by_path(of_device, environments, tell)
        drawn.append(
            DeviceTable(device=device, grid=Grid(corner="", columns=grid.columns, lines=versions + grid.lines))
        )
    return tuple(drawn), tuple(_fold(device, [cell for cell in cells if cell.device is device]) for device in idle)


def devices(cells: Sequence[Cell]) -> tuple[list[Device], list[Device]]:
    """Divide the devices into those to show, and those on which nothing ran; the only device is always shown."""
    there = [device for device in Device if any(cell.device is device for cell in cells)]
    idle: list[Device] = [
        device
        for device in there
        if device is not Device.CPU and not any(cell.evidence for cell in cells if cell.device is device)
    ]
    if len(idle) == len(there):
        idle = []
    return [device for device in there if device not in idle], idle


def by_path(cells: Sequence[Cell], environments: Sequence[EnvironmentRow], tell: Tell) -> Grid:
    """Draw cells of one device as a line per path and a column per environment; what is not there was not asked for."""
    at = {(cell.path, cell.environment): cell for cell in cells}
    absent = Entry(text=NOT_ASKED, kind="absent")
    return Grid(
        corner="path",
        columns=tuple(row.entry for row in environments),
        lines=tuple(
            Line(
                head=Entry(text=path),
                entries=tuple(
                    tell(at[path, row.environment.id]) if (path, row.environment.id) in at else absent
                    for row in environments
                ),
            )
            for path in paths(cells)
        ),
    )


def paths(cells: Sequence[Cell]) -> list[str]:
    """List the paths as they come, each followed by the same path with other states of the checkpoint."""
    states = list(STATES)
    names = list(dict.fromkeys(cell.path for cell in cells))
    bases = list(dict.fromkeys(split_path(name)[0] for name in names))

    def place(name: str) -> tuple[int, int]:
        base, state = split_path(name)
        return bases.index(base), states.index(state) if state in states else len(states)

    return sorted(names, key=place)


def _fold(device: Device, cells: Sequence[Cell]) -> str:
    reasons = dict.fromkeys(sanitize.one_line(cell.message, _NOTE_LENGTH) for cell in cells if cell.message)
    if all(cell.outcome is Outcome.UNAVAILABLE for cell in cells):
        why = f" ({next(iter(reasons))})" if len(reasons) == 1 else ""
        return f"{device}: unavailable on this host{why}"
    standings = [words.cell_label(cell) for cell in cells]
    told = ", ".join(f"{standings.count(standing)} {standing}" for standing in dict.fromkeys(standings))
    return f"{device}: nothing ran ({told})"
