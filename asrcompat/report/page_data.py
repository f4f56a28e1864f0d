"""What the page's script is given: each cell's story, and each environment's way to be installed, as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup

from asrcompat.advice import MAIN_PATHS, Question, answer, seen_in
from asrcompat.model import Cell, Results
from asrcompat.report import ladder, words
from asrcompat.report.first import install_command
from asrcompat.report.sanitize import one_line, printable
from asrcompat.report.view import View
from asrcompat.report.where import label

_LENGTH = 300


def page_data(results: Results, view: View, reproduce: Callable[[Cell], str]) -> Markup:
    """JSON that no text can end early: what stands in it is shown as text by the script, and as nothing else."""
    numbers = {one.row.environment.id: one.row.number for one in view.environments}
    causes = {cell.key: reason.failure.number for reason in view.reasons for cell in reason.failure.cells}
    data = {
        "cells": {
            str(number): _cell(cell, numbers, causes.get(cell.key), reproduce)
            for number, cell in enumerate(results.cells, start=1)
            if cell.evidence or cell.key in causes
        },
        "causes": {
            str(reason.failure.number): {
                "title": one_line(reason.failure.title, _LENGTH),
                "reason": one_line(reason.failure.reason, _LENGTH),
                "cures": [one_line(cure.text, _LENGTH) for cure in reason.cures],
            }
            for reason in view.reasons
        },
        "environments": _environments(results, numbers),
        "main": list(MAIN_PATHS),
    }
    text = json.dumps(_printable(data), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    escaped = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(escaped)  # noqa: S704 - it has none of the characters that HTML knows


def _printable(value: Any) -> Any:
    """The same with every text such that nothing in it acts on a reader's screen."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list):
        return [_printable(one) for one in value]
    return {name: _printable(one) for name, one in value.items()} if isinstance(value, dict) else value


def _cell(
    cell: Cell, numbers: Mapping[str, int], cause: int | None, reproduce: Callable[[Cell], str]
) -> dict[str, Any]:
    return {
        "environment": numbers[cell.environment],
        "path": label(cell.path, cell.device),
        "outcome": cell.outcome.value,
        "told": f"{words.SIGNS[cell.outcome]} {words.cell_label(cell)}",
        "rungs": [[rung.sign, rung.stage.value, rung.seconds] for rung in ladder.rungs(cell)],
        "exception": one_line(cell.exception or "", _LENGTH),
        "message": one_line(cell.message, _LENGTH),
        "cause": cause,
        "since": (cell.since or "").partition("T")[0],
        "command": reproduce(cell),
    }


def _environments(results: Results, numbers: Mapping[str, int]) -> dict[str, Any]:
    """What can be recommended, with its place in the order of newness; of paths by device what was seen to work."""
    order = answer(Question(paths=(), devices=()), seen_in(results, "."))
    return {
        str(numbers[fit.candidate.environment.id]): {
            "id": fit.candidate.environment.id,
            "rank": rank,
            "versions": fit.candidate.versions,
            "lock": fit.candidate.environment.lock,
            "command": install_command(fit.candidate),
        }
        for rank, fit in enumerate(order.fits)
    }
