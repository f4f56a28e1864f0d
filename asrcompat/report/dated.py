"""Then and now: an environment as of an earlier day beside the same one today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.model import Results
from asrcompat.report import words
from asrcompat.report.environments import EnvironmentRow
from asrcompat.report.where import label


@dataclass(frozen=True, kw_only=True)
class Dated:
    """Two rows, what moved between them, and which cells changed."""

    then: EnvironmentRow
    today: EnvironmentRow
    day: str
    changed: tuple[str, ...]
    same: str
    moved: str
    unaided: str


def dated(results: Results, environment_rows: Sequence[EnvironmentRow]) -> tuple[Dated, ...]:
    """Prepare `Results.dated` for the forms."""
    by_id = {row.environment.id: row for row in environment_rows}
    return tuple(_dated(one, by_id) for one in results.dated if one["environment"] in by_id and one["today"] in by_id)


def _dated(one: Mapping[str, Any], by_id: Mapping[str, EnvironmentRow]) -> Dated:
    cells = words.mappings(one, "cells")
    changed = [cell for cell in cells if cell["then"] != cell["now"]]
    moved = words.mapping(one, "differs")
    return Dated(
        then=by_id[one["environment"]],
        today=by_id[one["today"]],
        day=words.text(one, "as_of"),
        changed=tuple(
            f"{label(cell['path'], cell['device'])}: then {cell['then']}, today {cell['now']}" for cell in changed
        ),
        same=f"{words.plural(len(cells) - len(changed), 'cell')} the same",
        moved=", ".join(f"{name} {before} → {after}" for name, (before, after) in moved.items()),
        unaided=", ".join(f"{name} {version}" for name, version in words.mapping(one, "unaided").items()),
    )
