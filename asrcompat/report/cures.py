"""What may cure a recognised failure, each with what came of trying it: a cure that was not run is only proposed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.model import Outcome, Remedy, RemedyCell, Stage
from asrcompat.report import words

_Change = tuple[str, str]  # kind, value


@dataclass(frozen=True, kw_only=True)
class Cure:
    """Something to try: what a person does, the change as this project writes it, and what came of it."""

    says: str
    change: str
    came: str


def cures(signature: Mapping[str, Any], remedies: Sequence[Remedy]) -> tuple[Cure, ...]:
    """The cures of a signature that was met, the least intrusive first."""
    return tuple(_cure(signature, one, remedies) for one in words.mappings(signature, "cures"))


def _cure(signature: Mapping[str, Any], cure: Mapping[str, Any], remedies: Sequence[Remedy]) -> Cure:
    steps = [_change(one) for one in (cure, *words.mappings(cure, "also"))]
    tried = [one for one in remedies if words.text(signature, "id") in one.signatures and _has(one, steps)]
    return Cure(
        says=words.text(cure, "says"),
        change="; ".join(f"{kind}: {value}" for kind, value in steps),
        came=_came(tried, len(steps))
        if words.mappings(signature, "cells")
        else "not tried, as no cell's outcome hung on it",
    )


def _has(remedy: Remedy, steps: Sequence[_Change]) -> bool:
    """Whether a remedy is these changes or began with them: those without which it works too were dropped.

    A bound on an axis was tried as a release within it, which has the bound's package.
    """
    made = {*map(_change, remedy.changes), *map(_change, remedy.needless)}
    axes = {value.partition("=")[0] for kind, value in made if kind == "axis"}
    return all(step in made or (step[0] == "pin" and _name(step[1]) in axes) for step in steps)


def _came(tried: Sequence[Remedy], steps: int) -> str:
    """What came of a cure of so many steps, alone or with others: what was not run is not told as having failed."""
    seen = [(one, cell) for one in tried for cell in one.cells]
    works = {_place(one, cell) for one, cell in seen if cell.outcome is Outcome.WORKS}
    by_itself = {_place(one, cell): cell for one, cell in seen if len(one.changes) + len(one.needless) <= steps}
    if works:
        more = len(works - {place for place, cell in by_itself.items() if cell.outcome is Outcome.WORKS})
        with_more = (
            "" if not more else ", with more than this" if more == len(works) else f", on {more} with more than this"
        )
        now = {_place(one, cell) for one, cell in seen if cell.outcome is Outcome.WORKS and cell.earlier is None}
        earlier = f", on {len(works - now)} earlier" if now else ", earlier"
        return f"verified on {words.plural(len(works), 'cell')}{with_more}{earlier if works - now else ''}"
    ends = Counter(map(_end, by_itself.values()))
    told = [f"{end} on {words.plural(ends[end], 'cell')}" for end in _ENDS if ends[end]]
    return f"tried alone: {', '.join(told)}" if told else "not tried alone" if seen else "not tried"


_ENDS = ("did not cure", "got further, to another failure,", "does not install with the rest", "gave no verdict")


def _end(cell: RemedyCell) -> str:
    """What came of a run that did not cure, one of `_ENDS`."""
    same, further, uninstalled, nothing = _ENDS
    if cell.outcome in (Outcome.ERROR, Outcome.UNAVAILABLE):
        return nothing
    if cell.stage in (Stage.RESOLVE, Stage.INSTALL):
        return uninstalled
    before = re.search(r" at (\w+)", cell.before)
    risen = cell.stage is not None and before is not None and cell.stage.rung > Stage(before[1]).rung
    return further if risen else same


def _place(remedy: Remedy, cell: RemedyCell) -> tuple[str, str, str]:
    return remedy.environment, cell.path, cell.device


def _name(requirement: str) -> str:
    return re.split(r"[^\w-]", requirement, maxsplit=1)[0]


def _change(one: Mapping[str, Any]) -> _Change:
    return words.text(one, "kind"), words.text(one, "value")
