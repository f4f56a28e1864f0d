"""Stage ``load``: the checkpoint by its real name, through the path's own code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, List

from ..cell import CheckFailed, Passed
from ._listening import listening

if TYPE_CHECKING:
    from ..cell import Cell

# How Transformers has told of parameters that a checkpoint did not fill: a warning to release 4, a table from 5 on.
_FRESH = re.compile(r"newly initialized|\bMISSING\b")


def run(cell: Cell) -> None:
    """Load; then, not required, whether the loader itself reported parameters that it initialised afresh."""
    said: List[str] = []

    def build() -> Any:
        with listening(said):
            return cell.load()

    def report() -> None:
        fresh = [text for text in said if _FRESH.search(text)]
        if fresh:
            raise CheckFailed("the loader says: " + fresh[0][:2000])

    cell.subject = cell.check("load", build)
    cell.check("loader-report", report, required=False)
    told = getattr(cell.subject, "told", None)
    if told:
        cell.check("stand-ins", lambda: Passed("; ".join(told)), required=False)
    cell.remember()
