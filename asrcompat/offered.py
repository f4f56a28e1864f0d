"""Which paths an environment does not offer at all: the module that the path begins with is no part of it.

That is another thing than a path which is there and does not work, such as one that imports an undeclared package.
"""

from __future__ import annotations

import re

from asrcompat.model import Cell, CheckOutcome, Outcome, Stage

_MISSING = re.compile(r"No module named '([^']+)'")


def lacking(cell: Cell) -> str | None:
    """The module whose absence means that the cell's path is not offered in its environment; else None."""
    if cell.outcome is not Outcome.BROKEN or cell.failed is not Stage.IMPORT:
        return None
    for check in cell.checks:
        if not (check.required and check.stage is Stage.IMPORT and check.outcome is CheckOutcome.FAILED):
            continue
        missing = _MISSING.match(check.message)
        if check.data.get("exception") != "ModuleNotFoundError" or missing is None:
            continue
        wanted = str(check.data.get("module", "")).partition(":")[0]
        # any other name is one that the wanted module itself imports: it is there, and does not work
        if f"{wanted}.".startswith(f"{missing[1]}."):
            return missing[1]
    return None
