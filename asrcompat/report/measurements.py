"""What ran, in numbers: for each environment a table of its cells, with trials, threads and each stage's time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asrcompat.model import Device, Stage
from asrcompat.report import words
from asrcompat.report.grid import Entry, Grid, Line, texts
from asrcompat.report.table import paths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asrcompat.model import Cell
    from asrcompat.report.grid import Target
    from asrcompat.report.where import Key


def measurements(cells: Sequence[Cell], failures: Mapping[Key, Target], anchors: Mapping[Key, Target]) -> Grid | None:
    """Tabulate one environment's cells that left evidence; each line is where links to its cell lead."""
    order = paths(cells)
    devices = list(Device)
    ran = sorted(
        (cell for cell in cells if cell.evidence),
        key=lambda cell: (devices.index(cell.device), order.index(cell.path)),
    )
    if not ran:
        return None
    threads = {cell.key: str(cell.evidence.threads or "") for cell in ran if cell.evidence}
    known = ("threads",) if any(threads.values()) else ()
    timed = [name for name in _names(ran) if any(name in cell.seconds for cell in ran)]
    return Grid(
        corner="path",
        columns=texts("device", "result", "trials", *known, *timed),
        lines=tuple(
            Line(
                head=Entry(text=cell.path),
                entries=(
                    Entry(text=cell.device.value),
                    Entry(
                        text=f"{words.SIGNS[cell.outcome]} {words.cell_label(cell)}",
                        kind=cell.outcome.value,
                        target=failures.get(cell.key),
                    ),
                    *texts(
                        f"{cell.trials.passed}/{cell.trials.of}" if cell.trials else "",
                        *([threads[cell.key]] if known else []),
                        *(words.seconds(cell.seconds[name]) if name in cell.seconds else "" for name in timed),
                    ),
                ),
                anchor=anchors[cell.key].anchor,
            )
            for cell in ran
        ),
    )


def _names(cells: Sequence[Cell]) -> list[str]:
    """List the stages in climbing order, then whatever else was timed."""
    stages = [stage.value for stage in Stage]
    return [*stages, *dict.fromkeys(name for cell in cells for name in cell.seconds if name not in stages)]
