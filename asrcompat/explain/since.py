"""Since when each cell is in its state: its changes from run to run, kept beside the report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from asrcompat.model import Cell, Outcome, Results
from asrcompat.spec import request_id

FILE = "history.json"
_NO_VERDICT = frozenset({Outcome.ERROR, Outcome.UNAVAILABLE})

_Changes = dict[str, list[tuple[str, str]]]  # by path and device: since when, and what it became


@dataclass(frozen=True, kw_only=True)
class History:
    """The changes of every cell by its environment's name: moments (UTC) in order, each with the state from then on."""

    cells: Mapping[str, _Changes] = field(default_factory=dict)

    def since(self, cell: Cell) -> str | None:
        """Since when a cell is in the state that it has; None where it was never seen in it."""
        changes = self.cells.get(request_id(cell.environment), {}).get(_place(cell), [])
        return changes[-1][0] if changes and changes[-1][1] == _state(cell) else None


def continued(history: History, results: Results) -> History:
    """The history with what these results add: a cell with a verdict that it did not have before.

    A verdict that is not later than the last change adds nothing: it was told before.
    """
    moments = {one.id: one.ran_at for one in results.environments}
    cells = {name: {place: list(told) for place, told in of.items()} for name, of in history.cells.items()}
    for cell in results.cells:
        moment = cell.since or moments.get(cell.environment)
        if cell.outcome in _NO_VERDICT or moment is None:
            continue
        changes = cells.setdefault(request_id(cell.environment), {}).setdefault(_place(cell), [])
        if not changes or (changes[-1][1] != _state(cell) and changes[-1][0] < moment):
            changes.append((moment, _state(cell)))
    return History(cells=cells)


def dated(results: Results, history: History) -> Results:
    """The results with each cell's `since`."""
    return replace(results, cells=tuple(replace(cell, since=history.since(cell)) for cell in results.cells))


def dump(history: History) -> str:
    """JSON with a line for each cell."""
    told = {
        name: {place: [f"{moment} {state}" for moment, state in changes] for place, changes in sorted(of.items())}
        for name, of in sorted(history.cells.items())
    }
    lines = (
        f" {json.dumps(name)}: {{\n"
        + ",\n".join(f"  {json.dumps(place)}: {json.dumps(changes)}" for place, changes in of.items())
        + "\n }"
        for name, of in told.items()
    )
    return '{"schema": 1, "cells": {\n' + ",\n".join(lines) + "\n}}\n"


def parse(text: str) -> History:
    """What `dump` wrote; raises `ValueError` for anything else."""
    try:
        told = json.loads(text)
        if told["schema"] != 1:
            raise ValueError(told["schema"])
        cells: dict[str, _Changes] = {
            name: {place: [_change(one) for one in changes] for place, changes in of.items()}
            for name, of in told["cells"].items()
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(error) from error
    return History(cells=cells)


def _change(text: str) -> tuple[str, str]:
    moment, blank, state = text.partition(" ")
    if not blank:
        raise ValueError(text)
    return moment, state


def _place(cell: Cell) -> str:
    return f"{cell.path} on {cell.device}"


def _state(cell: Cell) -> str:
    return f"{cell.outcome} at {cell.stage}" if cell.failed else str(cell.outcome)
