"""What packages declare beside what ran: the places where metadata says one thing and the run another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asrcompat.model import Cell, Outcome
from asrcompat.offered import lacking
from asrcompat.report import words
from asrcompat.report.environments import EnvironmentRow
from asrcompat.report.where import path_label


@dataclass(frozen=True, kw_only=True)
class Lie:
    """An environment whose metadata says one thing and whose run said another."""

    row: EnvironmentRow
    text: str


def lies(environment_rows: Sequence[EnvironmentRow], cells: Sequence[Cell]) -> tuple[Lie, ...]:
    """Where declared metadata and the run disagree, in either direction."""
    return tuple(
        Lie(row=row, text=text)
        for row in environment_rows
        for text in [_lie(row, [cell for cell in cells if cell.environment == row.environment.id])]
        if text
    )


def _lie(row: EnvironmentRow, cells: Sequence[Cell]) -> str:
    bad: dict[str, list[str]] = {}
    for cell in cells:
        # a frontend that the release lacks, or a package that nobody asked for, is no promise of the metadata's
        if cell.outcome in (Outcome.BROKEN, Outcome.UNSTABLE) and lacking(cell) is None:
            bad.setdefault(words.cell_label(cell), []).append(path_label(cell))
    if row.environment.declared == "ok" and bad:
        return "declared ok, but " + "; ".join(f"{label}: {', '.join(paths)}" for label, paths in bad.items())
    if row.environment.declared == "conflict" and row.works:
        return f"declared a conflict, but works in {words.plural(row.works, 'cell')}"
    return ""
