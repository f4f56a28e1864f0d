"""``badge.json``: the state in a few words, in the format of shields.io's endpoint badge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from asrcompat.errors import ExitCode
from asrcompat.model import Outcome
from asrcompat.offered import lacking
from asrcompat.report import expectations, words

if TYPE_CHECKING:
    from asrcompat.model import Results

_COUNTED = (Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE)


def badge(results: Results) -> str:
    """Write the badge: how many paths work of those that ran and are offered, and what is worse or unfinished."""
    ran = [cell for cell in results.cells if cell.outcome in _COUNTED and lacking(cell) is None]
    works = sum(cell.outcome is Outcome.WORKS for cell in ran)
    said = [f"{works} of {words.plural(len(ran), 'offered path')} work"]
    code = expectations.exit_code(results)
    regressions = expectations.count(results, "regressions")
    if regressions:
        said.append(words.plural(regressions, "regression"))
    elif code == ExitCode.UNFINISHED or results.missing:
        said.append("unfinished")
    value = {"schemaVersion": 1, "label": "CLSRIL-23", "message": ", ".join(said), "color": _color(results, code)}
    return json.dumps(value, indent=2) + "\n"


def _color(results: Results, code: int | None) -> str:
    if expectations.count(results, "regressions") or code == ExitCode.WORSE:
        return "red"
    if results.missing or code == ExitCode.UNFINISHED:
        return "orange"
    # Without a judgement the number stands alone, and a colour would be one.
    return "brightgreen" if code == ExitCode.OK else "blue"
