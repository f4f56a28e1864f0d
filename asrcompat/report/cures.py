"""What may cure a recognised failure, each with what came of trying it: a cure that was not run is only proposed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.model import Outcome, Remedy
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
        came=_came(tried) if words.mappings(signature, "cells") else "not tried, as no cell's outcome hung on it",
    )


def _has(remedy: Remedy, steps: Sequence[_Change]) -> bool:
    """Whether a remedy is these changes or began with them: those without which it works too were dropped.

    A bound on an axis was tried as a release within it, which has the bound's package.
    """
    made = {*map(_change, remedy.changes), *map(_change, remedy.needless)}
    axes = {value.partition("=")[0] for kind, value in made if kind == "axis"}
    return all(step in made or (step[0] == "pin" and _name(step[1]) in axes) for step in steps)


def _came(tried: Sequence[Remedy]) -> str:
    verified = {
        (one.environment, cell.path, cell.device)
        for one in tried
        for cell in one.cells
        if cell.outcome is Outcome.WORKS
    }
    if verified:
        return f"verified on {words.plural(len(verified), 'cell')}"
    looked = {(one.environment, cell.path, cell.device) for one in tried for cell in one.cells}
    return f"tried on {words.plural(len(looked), 'cell')}, and did not cure" if looked else "not tried"


def _name(requirement: str) -> str:
    return re.split(r"[^\w-]", requirement, maxsplit=1)[0]


def _change(one: Mapping[str, Any]) -> _Change:
    return words.text(one, "kind"), words.text(one, "value")
