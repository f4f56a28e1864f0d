"""The last verdicts of cells that have none in a report, so that an outage hides nothing that changed across it.

A cell that ended in an error, whose device was not there or whose environment has no result keeps what it came to when
last it had a verdict, and the lock of that time: the next verdict is compared with that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from asrcompat.explain.changed import NO_VERDICT, Edition, Found, Pair
from asrcompat.model import Cell, Environment, LastVerdicts
from asrcompat.spec import request_id


def has_verdict(found: Found | None) -> bool:
    """Whether there is a cell, and it says something of its packages."""
    return found is not None and found[1].outcome not in NO_VERDICT


def is_awaited(pair: Pair, after: Edition) -> bool:
    """Whether a cell that a report lacks was asked for all the same: its environment has no result, or a part of one.

    A path or device that the report has nowhere was not asked for.
    """
    (name, path, device), _, _ = pair
    results = after.results
    if request_id(name) in map(request_id, results.missing):
        return True
    there = request_id(name) in (request_id(one.id) for one in results.environments)
    return there and any((cell.path, cell.device.value) == (path, device) for cell in results.cells)


def last_verdicts(
    pairs: Iterable[Pair], after: Edition, locks: Mapping[str, str]
) -> tuple[tuple[LastVerdicts, ...], dict[str, str]]:
    """The last verdicts of cells that have none now, with the texts of the locks that they name."""
    environments: dict[str, Environment] = {}
    cells: dict[str, list[Cell]] = {}
    texts: dict[str, str] = {}
    for pair in pairs:
        _, old, new = pair
        if old is None or not has_verdict(old) or has_verdict(new) or (new is None and not is_awaited(pair, after)):
            continue
        environment, cell = old
        text = locks.get(environment.lock or "")
        name = None if environment.lock is None or text is None else kept_name(environment.lock, "last")
        texts |= {name: text} if name is not None and text is not None else {}
        environments[environment.id] = _compact(environment, name)
        cells.setdefault(environment.id, []).append(_bare(cell))
    told = (LastVerdicts(environment=one, cells=tuple(cells[identity])) for identity, one in environments.items())
    return tuple(told), texts


def kept_name(lock: str, why: str) -> str:
    """How an earlier lock is called beside the one that took its place."""
    return f"{lock.removesuffix('.txt').removesuffix('.last')}.{why}.txt"


def _compact(environment: Environment, lock: str | None) -> Environment:
    return replace(environment, lock=lock, pylock=None, build={}, seconds={}, unaided={}, installed=())


def _bare(cell: Cell) -> Cell:
    """A cell with what tells how it fares, and which run found it."""
    evidence = None if cell.evidence is None else replace(cell.evidence, versions={})
    told = cell.message.partition("\n")[0]
    bare = replace(cell, message=told, evidence=evidence, checks=(), features=None, trials=None)
    return replace(bare, remedy=None, content=None, seconds={})
