"""``badge.json``: the state in a few words, in the format of shields.io's endpoint badge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from asrcompat.errors import ExitCode
from asrcompat.model import Outcome
from asrcompat.report import expectations, words

if TYPE_CHECKING:
    from asrcompat.model import Results

_COUNTED = (Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE)


def badge(results: Results) -> str:
    """Write the badge: cells that work out of those that ran, and what is worse than expected or unfinished."""
    ran = [cell for cell in results.cells if cell.outcome in _COUNTED]
    works = sum(cell.outcome is Outcome.WORKS for cell in ran)
    said = [f"{works} of {words.plural(len(ran), 'cell')} work"]
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
