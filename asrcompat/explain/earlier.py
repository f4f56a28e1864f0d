"""What an earlier report tells of searches that nobody has made again: remedies and boundaries.

Both are of an environment and of how a cell fared in it. Where it fares as it did, among the same releases of what the
environment is made of, what was seen then is still what was seen, with its lock, its day and its commit. What has moved
since is told with it: the harness's own code, and packages of the environment that nobody asked for. A search by the
present code takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from asrcompat.explain.changed import ABSENT, Edition
from asrcompat.explain.remedies.record import Record, about, failed
from asrcompat.explain.remedies.trial import NO_VERDICT, Place, place
from asrcompat.model import Boundary, Cell, Environment, Remedy
from asrcompat.run.lock import versions_of

_SHOWN = 8  # packages that are named


def in_words(found: Remedy | Boundary, environment: Environment) -> str:
    """When something was seen, and what has moved since; nothing where the present code saw it in what is there now."""
    when = found.ran_at if isinstance(found, Remedy) else found.found_at
    code = found.code is not None and found.code != environment.code
    if not code and not found.moved:
        return ""
    moved = [f"{name} {then} → {now}" for name, (then, now) in found.moved.items()]
    more = f" and {len(moved) - _SHOWN} more" if len(moved) > _SHOWN else ""
    day = f" on {when.partition('T')[0]}" if when else ""
    return (
        f"seen{day}"
        + (f" by earlier code of this project ({found.commit or 'not known'})" if code else "")
        + (f"; moved since then: {', '.join(moved[:_SHOWN])}{more}" if moved else "")
    )


def remedies(after: Edition, before: Edition, records: Mapping[str, Record]) -> Iterator[Remedy]:
    """The remedies that an earlier report tells of cells which fail now as they did then.

    Nothing of a cell that a record known here (`records`, by environment) speaks of, nor of changes that it tells of.
    """
    for same in _unchanged(after, before):
        record = records.get(same.now.id)
        known = () if record is None else tuple(one.id for one in record.remedies)
        places = {place(cell) for cell in same.cells if record is None or not record.speaks_of(cell)}
        for remedy in before.results.remedies:
            told = about(remedy, places) if remedy.environment == same.now.id and remedy.id not in known else None
            if told is not None:
                yield replace(told, code=told.code or same.then.code, moved=same.moved(told.moved))


def boundaries(after: Edition, before: Edition, known: Sequence[Boundary]) -> Iterator[Boundary]:
    """The boundaries that an earlier report tells of cells which fare now as they did then; but for those `known`."""
    questions = {_question(one) for one in known}
    for same in _unchanged(after, before):
        places = {place(cell) for cell in same.cells}
        for one in before.results.boundaries:
            if one.environment == same.now.id and _place(one) in places and _question(one) not in questions:
                yield replace(one, moved=same.moved(one.moved))


@dataclass(frozen=True, kw_only=True)
class _Same:
    """An environment of the same releases now and then: the cells of now that fare as they did, and what is locked."""

    now: Environment
    then: Environment
    cells: tuple[Cell, ...]
    locked: tuple[Mapping[str, str], Mapping[str, str]]

    def moved(self, before: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
        """Versions then and now, of what differs; `before` is what had moved when the earlier report was made."""
        now, last = self.locked
        then = {**last, **{name: was for name, (was, _) in before.items()}}
        pairs = {name: (then.get(name, ABSENT), now.get(name, ABSENT)) for name in sorted(then.keys() | now.keys())}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _unchanged(after: Edition, before: Edition) -> Iterator[_Same]:
    if (after.results.model, after.results.weights) != (before.results.model, before.results.weights):
        return
    earlier = {one.id: one for one in before.results.environments}
    fared = {cell.key: failed(cell) for cell in before.results.cells}
    for now in after.results.environments:
        then = earlier.get(now.id)
        if then is None or then.code is None or _releases(now) != _releases(then):
            continue
        locked = tuple(versions_of(of.locks.get(one.lock or "", "")) for of, one in ((after, now), (before, then)))
        if not all(locked):  # what moved could not be told
            continue
        own = (cell for cell in after.results.cells if cell.environment == now.id and cell.outcome not in NO_VERDICT)
        cells = tuple(cell for cell in own if fared.get(cell.key) == failed(cell))
        yield _Same(now=now, then=then, cells=cells, locked=(locked[0], locked[1]))


def _releases(environment: Environment) -> tuple[object, ...]:
    """What an environment is made of, besides what its packages bring along."""
    return environment.python, dict(environment.packages), environment.torch_build


def _place(one: Boundary) -> Place:
    return one.path, one.device.value


def _question(one: Boundary) -> tuple[object, ...]:
    return one.environment, one.axis, one.path, one.device, one.stage, one.direction
