"""Recipes: a toolkit's own command line on a tiny data set, told step by step for each environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asrcompat.model import Stage
from asrcompat.report import sanitize, words
from asrcompat.report.grid import Entry, Grid, Line, environment_target, texts
from asrcompat.report.stories import key_of
from asrcompat.report.where import path_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asrcompat.model import Cell, Check
    from asrcompat.report.grid import Target
    from asrcompat.report.stories import CheckKey

_MESSAGE_LENGTH = 600


def recipe(
    cells: Sequence[Cell],
    numbers: Mapping[str, int],
    targets: Mapping[int, Target],
    checks: Mapping[CheckKey, Target],
) -> Grid | None:
    """Tell what happened, in the order in which it was tried; `targets` are tracebacks, by the check's identity.

    The first line of a check is where links to it lead.
    """
    lines = []
    linked = set()
    steps = [(check, cell) for cell in cells for check in cell.checks if check.stage is Stage.RECIPE]
    for check, cell in steps:
        key = key_of((check, cell))
        entries = (*texts(path_label(cell), check.id), _happened(check, targets))
        anchor = checks[key].anchor if key in checks and key not in linked else ""
        lines.append(Line(head=_environment(cell, numbers), entries=entries, anchor=anchor))
        linked.add(key)
    columns = texts("path", "check", "what happened")
    return Grid(corner="environment", columns=columns, lines=tuple(lines)) if lines else None


def _happened(check: Check, targets: Mapping[int, Target]) -> Entry:
    said = sanitize.one_line(check.message, _MESSAGE_LENGTH) or check.outcome.value
    return Entry(text=f"{words.CHECK_SIGNS[check.outcome]} {said}", target=targets.get(id(check)))


def _environment(cell: Cell, numbers: Mapping[str, int]) -> Entry:
    number = numbers.get(cell.environment)
    if number is None:
        return Entry(text=cell.environment)
    return Entry(text=str(number), target=environment_target(number))
