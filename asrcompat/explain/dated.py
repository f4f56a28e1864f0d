"""An environment as of an earlier day beside the same one today: which packages moved, and which cells changed.

Both were asked for alike, but for this project's pins, which an earlier day is without: where a cell worked then and
does not today, one of the packages that moved broke it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asrcompat.model import Cell, Environment, Outcome, Results
from asrcompat.run.lock import versions_of
from asrcompat.spec import request_id, undated_id

_ABSENT = "-"
_NO_VERDICT = {Outcome.ERROR, Outcome.UNAVAILABLE}


def judge_dated(results: Results, locks: Mapping[str, str]) -> tuple[Mapping[str, Any], ...]:
    """For each environment of an earlier day: its ``environment``, the one ``today``, what ``differs``, the ``cells``.

    ``differs`` gives then and now of every package that moved, ``-`` for none (nothing where a lock is gone);
    ``unaided`` what today's resolver
    chooses of them without this project's pins. `locks` are texts of locks by what environments call theirs.
    """
    by_request = {request_id(one.id): one for one in results.environments}
    pairs = [
        (one, by_request[undated_id(name)])
        for name, one in by_request.items()
        if one.as_of is not None and undated_id(name) in by_request
    ]
    return tuple(_pair(then, today, results, locks) for then, today in pairs)


def _pair(then: Environment, today: Environment, results: Results, locks: Mapping[str, str]) -> dict[str, Any]:
    before, after = (_public(versions_of(locks.get(one.lock or "", ""))) for one in (then, today))
    names = sorted(before.keys() | after.keys()) if before and after else []
    return {
        "environment": then.id,
        "today": today.id,
        "as_of": then.as_of,
        "differs": {
            name: [before.get(name, _ABSENT), after.get(name, _ABSENT)]
            for name in names
            if before.get(name) != after.get(name)
        },
        "unaided": dict(today.unaided),
        "cells": list(_cells(then, today, results)),
    }


def _public(versions: Mapping[str, str]) -> dict[str, str]:
    """Versions without their builds: torch of another index is no other torch."""
    return {name: version.partition("+")[0] for name, version in versions.items()}


def _cells(then: Environment, today: Environment, results: Results) -> Iterator[dict[str, str]]:
    """The cells that have a verdict in both, with what became of each."""
    found = {(cell.environment, cell.path, cell.device): cell for cell in results.cells}
    for cell in results.cells:
        now = found.get((today.id, cell.path, cell.device))
        if cell.environment == then.id and now is not None and {cell.outcome, now.outcome}.isdisjoint(_NO_VERDICT):
            yield {"path": cell.path, "device": cell.device.value, "then": _told(cell), "now": _told(now)}


def _told(cell: Cell) -> str:
    return f"{cell.outcome} at {cell.stage}" if cell.failed else str(cell.outcome)
