"""Cells of one environment that failed alike: what cures one of them may cure all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from asrcompat.explain.signatures.classify import classify
from asrcompat.explain.signatures.entry import Signature
from asrcompat.explain.signatures.facts import Facts, facts_of
from asrcompat.explain.signatures.fingerprint import fingerprint, normalised
from asrcompat.model import Cell, Outcome

CURABLE = (Outcome.BROKEN, Outcome.UNSTABLE)

MISS = 0.01  # so small must the chance be that an unstable cell only seems cured
_MOST_TRIALS = 200


@dataclass(frozen=True, kw_only=True)
class Group:
    """Cells with one signature, or with one fingerprint where none is known; `facts` are the first one's."""

    cells: tuple[Cell, ...]
    facts: Facts | None
    signature: Signature | None


def groups(cells: Iterable[Cell], catalogue: Mapping[str, Signature]) -> tuple[Group, ...]:
    """The broken and unstable cells, grouped; a cell whose failure left no facts stands alone."""
    found: dict[object, Group] = {}
    for cell in cells:
        if cell.outcome not in CURABLE:
            continue
        facts = facts_of(cell)
        signature = None if facts is None else classify(facts, catalogue.values())
        key: object = cell.key if facts is None else _failure(facts, signature)
        known = found.get(key)
        members = (cell,) if known is None else (*known.cells, cell)
        found[key] = Group(cells=members, facts=known.facts if known else facts, signature=signature)
    return tuple(found.values())


def failure(cell: Cell, catalogue: Mapping[str, Signature] = MappingProxyType({})) -> object:
    """Equal for cells that fail in the same way: a signature, a fingerprint, or what they say."""
    facts = facts_of(cell)
    if facts is None:
        return cell.exception, normalised(cell.message)
    return _failure(facts, classify(facts, catalogue.values()))


def _failure(facts: Facts, signature: Signature | None) -> object:
    return signature.id if signature else fingerprint(facts)


def trials_for(cells: Iterable[Cell], usual: int) -> int:
    """How many train-mode steps tell a cure of these cells from luck: the usual number, more for unstable ones."""
    return max([usual, *(_enough(cell) for cell in cells)])


def _enough(cell: Cell) -> int:
    rate = _rate(cell)
    return 0 if rate in (None, 0.0) else min(_MOST_TRIALS, math.ceil(math.log(MISS) / math.log(rate)))


def miss(unsure: Iterable[Cell], trials: int) -> float | None:
    """The chance that so many steps pass with nothing cured, where these cells were unstable; None without any."""
    rates = [rate for cell in unsure if (rate := _rate(cell)) is not None]
    return max(rates) ** trials if rates else None


def _rate(cell: Cell) -> float | None:
    if cell.outcome is not Outcome.UNSTABLE or cell.trials is None or not cell.trials.of:
        return None
    return cell.trials.passed / cell.trials.of
