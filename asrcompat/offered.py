"""Which paths an environment does not offer at all: a module that the path begins with is no part of it.

That is another thing than a path which is there and does not work, such as one that imports an undeclared package.
"""

from __future__ import annotations

import re

from asrcompat.model import Cell, CheckOutcome, Outcome, Stage

_MISSING = re.compile(r"No module named '([^']+)'")
# What a path begins with besides the modules that it names for its import, by the stage at which that is seen.
_ALSO = {"s3prl-converted": (Stage.LOAD, "fairseq")}


def lacking(cell: Cell) -> str | None:
    """The module whose absence means that the cell's path is not offered in its environment; else None."""
    if cell.outcome is not Outcome.BROKEN:
        return None
    if cell.path in _ALSO:
        stage, wanted = _ALSO[cell.path]
        missing = _MISSING.match(cell.message)
        if cell.failed is stage and cell.exception == "ModuleNotFoundError" and missing and missing[1] == wanted:
            return wanted
    if cell.failed is not Stage.IMPORT:
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
