"""Findings: what is tried after the climb, and tells without judging.

A finding is one file of ``findings/``, found there, with

- ``STAGE``: the stage that its checks are told at; it is tried where the climb came that far, in success or failure;
- ``GROUP``: the budget of seconds that it is charged to; a group without a budget is not tried;
- ``PATHS``: the paths that it is about, or None for all;
- ``run(cell)``: makes its checks.

From stage ``features`` on there is a subject, in evaluation mode, with the parameters as they were loaded. A finding
may do with it what it likes but for changing its structure or element type: the next one gets it restored.
"""

from __future__ import annotations

import importlib
import os
import time
from types import ModuleType
from typing import Dict, List, Sequence

from .cell import Cell, write_check
from .record import describe_exception

_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "findings")


def run(cell: Cell, *, stages: Sequence[str]) -> None:
    """Try every finding about this path at one of `stages`, in their order.

    Only on the checkpoint as published, or on the state that the path's file names as ``FINDINGS_STATE``.
    """
    cell.climbing = False
    if cell.state != getattr(cell.path, "FINDINGS_STATE", "published"):
        return
    budgets: Dict[str, float] = dict(cell.settings["findings"])
    modules = [one for one in _modules() if one.STAGE in stages and one.GROUP in budgets]
    for module in sorted(modules, key=lambda one: stages.index(one.STAGE)):
        if module.PATHS is not None and cell.name not in module.PATHS:
            continue
        start = time.monotonic()
        cell.stage = module.STAGE
        cell.deadline = start + budgets[module.GROUP]
        _try(cell, module)
        budgets[module.GROUP] -= time.monotonic() - start
        seconds = round(time.monotonic() - start, 3)
        cell.record.event("finding", name=_name(module), group=module.GROUP, seconds=seconds)


def _modules() -> List[ModuleType]:
    names = sorted(name[:-3] for name in os.listdir(_FOLDER) if name.endswith(".py") and not name.startswith("_"))
    return [importlib.import_module(".findings." + name, __package__) for name in names]


def _name(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2].replace("_", "-")


def _try(cell: Cell, module: ModuleType) -> None:
    """One finding; what it raises outside of its checks is its own fault, and costs itself alone."""
    name = _name(module)
    if cell.seconds_left() <= 0:
        cell.check(name, lambda: None)  # which tells that it was skipped
        return
    try:
        if cell.snapshot is not None:
            cell.restore()
        module.run(cell)
    except Exception as error:
        data = describe_exception(error)
        message = "the probe's own fault: " + data["message"]
        write_check(cell.record, name, module.STAGE, False, "error", message, data, None)
