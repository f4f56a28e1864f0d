"""What ran, in numbers: one line per cell with its features, trials and the time each stage took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asrcompat.model import Features, Stage
from asrcompat.report import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asrcompat.model import Cell

_HEAD = ("env", "path", "device", "result", "width", "frames", "parity", "follows", "trials")


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """A table of text."""

    titles: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


def measurements(cells: Sequence[Cell], numbers: dict[str, int]) -> Measurements:
    """Tabulate the cells that left evidence, each under its environment's number."""
    ran = [cell for cell in cells if cell.evidence]
    timed = [name for name in _names(ran) if any(name in cell.seconds for cell in ran)]
    return Measurements(
        titles=(*_HEAD, *timed),
        lines=tuple((str(numbers.get(cell.environment, "")), *_line(cell, timed)) for cell in ran),
    )


def _names(cells: Sequence[Cell]) -> list[str]:
    """List the stages in climbing order, then whatever else was timed."""
    stages = [stage.value for stage in Stage]
    return [*stages, *dict.fromkeys(name for cell in cells for name in cell.seconds if name not in stages)]


def _line(cell: Cell, timed: Sequence[str]) -> tuple[str, ...]:
    features = cell.features or Features()
    return (
        cell.path,
        cell.device.value,
        f"{words.SIGNS[cell.outcome]} {words.cell_label(cell)}",
        "" if features.width is None else str(features.width),
        "" if features.frames is None else str(features.frames),
        "" if features.parity is None else f"{features.parity:.1e}",
        features.follows or "",
        f"{cell.trials.passed}/{cell.trials.of}" if cell.trials else "",
        *(words.seconds(cell.seconds[name]) if name in cell.seconds else "" for name in timed),
    )
