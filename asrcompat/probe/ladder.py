"""The ladder: stages in order, each a set of checks, until a required check fails; then what else is to be found.

A guide, which others are measured by, ends with its features.

A stage is one module of ``stages/`` with a function ``run(cell)``. A check is one call of `Cell.check`; what it raises
is its failure. `StageFailed` ends the climb. A check that does not apply raises `Skip`; one that passed and has
something to tell returns `Passed`. After the climb come the findings (`found`): none can change how far it got.
"""

from __future__ import annotations

import importlib
import time
from types import ModuleType
from typing import Any, Dict, Sequence

from . import found, static, threads
from .cell import Cell, StageFailed
from .record import Record

STAGES = ("load", "features", "forward", "backward", "step", "train")
_OF_GUIDES = STAGES[:2]  # what leaves features for other paths


def climb(row: str, path: ModuleType, settings: Dict[str, Any], record: Record) -> None:
    """Take one path up the ladder, as far as it goes; then look for what else there is to be found."""
    cell = Cell(row, path, settings, record)
    record.event("static", facts=static.facts(), threads=threads.taken())
    if cell.device == "cuda" and not static.prepare_cuda(record):
        return
    if row in settings.get("guides", ()):
        _climb(cell, _OF_GUIDES)
        record.event("climbed")
        return
    reached = _climb(cell, STAGES)
    record.event("climbed")  # from here on nothing that happens can change the outcome
    found.run(cell, stages=STAGES[: STAGES.index(reached) + 1] + (("recipe",) if reached == STAGES[-1] else ()))


def _climb(cell: Cell, stages: Sequence[str]) -> str:
    """The last of these stages that was tried."""
    for stage in stages:
        cell.stage = stage
        module = importlib.import_module(".stages." + stage, __package__)
        start = time.monotonic()
        try:
            module.run(cell)
        except StageFailed:
            return stage
        finally:
            cell.record.event("stage", stage=stage, seconds=round(time.monotonic() - start, 3))
    return stages[-1]
