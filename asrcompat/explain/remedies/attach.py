"""Remedies on their way into a report: which of those on record are for the cells as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from asrcompat.explain.remedies import record, told
from asrcompat.explain.remedies.groups import CURABLE
from asrcompat.explain.remedies.record import Record
from asrcompat.model import Cell, Outcome, Remedy, Results


def on_record(results: Results, at: Path, *, warn: Callable[[str], None]) -> dict[str, Record]:
    """The records in the folder `at` of these results' environments, by their ids."""
    found = {one.id: record.read(one, at, warn=warn) for one in results.environments}
    return {identity: one for identity, one in found.items() if one is not None}


def standing(results: Results, records: Mapping[str, Record]) -> tuple[Remedy, ...]:
    """The remedies on record for cells of these results that fail as they did then."""
    return tuple(
        remedy
        for identity, one in records.items()
        for remedy in one.standing(cell for cell in results.cells if cell.environment == identity)
    )


def attached(results: Results, remedies: Sequence[Remedy]) -> Results:
    """The results with the remedies, each cell with the id of its verified one; no outcome changes.

    A cell that stands elsewhere by now than when it was cured has no remedy: what was cured was another failure. How
    many of its steps an unstable one passes does not count: that is chance.
    """
    return replace(
        results,
        remedies=(*results.remedies, *remedies),
        cells=tuple(replace(cell, remedy=_verified(cell, remedies) or cell.remedy) for cell in results.cells),
    )


def _verified(cell: Cell, remedies: Sequence[Remedy]) -> str | None:
    if cell.outcome not in CURABLE:
        return None
    for remedy in remedies:
        if remedy.environment != cell.environment:
            continue
        for one in remedy.cells:
            same = (one.path, one.device) == (cell.path, cell.device)
            if same and _stand(one.before) == _stand(told.standing(cell)) and one.outcome is Outcome.WORKS:
                return remedy.id
    return None


def _stand(standing: str) -> str:
    return standing.partition(",")[0]
