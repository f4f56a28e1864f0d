"""What an earlier report tells of searches that nobody has made again: remedies and boundaries.

Both are of an environment and of how a cell fared in it. While it fares so among the same releases of what the
environment is made of, what was seen then is told as what was seen then (`Earlier`): with its day, its commit, whose
code saw it, and which packages that others bring along have moved. So it is while the cell is awaited: no verdict is no
answer. What was found out here takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from asrcompat.explain.bisection.kept import NOTHING, knows_better
from asrcompat.explain.changed import ABSENT, NO_VERDICT, Edition
from asrcompat.explain.last import is_awaited
from asrcompat.explain.remedies.record import Record, failed, verified_by
from asrcompat.explain.remedies.told import in_order
from asrcompat.explain.remedies.trial import Place, place
from asrcompat.model import Boundary, Cell, Earlier, Environment, Remedy, RemedyCell
from asrcompat.run.lock import versions_of
from asrcompat.spec import request_id


def remedies(
    after: Edition, before: Edition, own: Sequence[Remedy], records: Mapping[str, Record]
) -> tuple[Remedy, ...]:
    """The remedies known here (`own`, of `records` by environment), and what an earlier report tells of other cells.

    Of changes by which there are other packages now than there were then, only those known here are told.
    """
    standing = _Standing(after, before)
    found = {one.id: one for one in own}
    for remedy in before.results.remedies:
        cells = tuple(_cells(remedy, standing, records.get(remedy.environment)))
        if cells:
            old = verified_by(cells, remedy)
            known = found.get(remedy.id)
            found[remedy.id] = old if known is None else _joined(known, old)
    return in_order(found.values())


def boundaries(after: Edition, before: Edition, own: Sequence[Boundary]) -> Iterator[Boundary]:
    """The boundaries that an earlier report tells of cells that fare as they did; but for what `own` answer.

    A search that found nothing answers no more than what it asked; but what it found takes the place of another such.
    """
    standing = _Standing(after, before)
    by_question: dict[tuple[object, ...], Boundary] = {_question(one): one for one in own}
    for one in before.results.boundaries:
        new = by_question.get(_question(one))
        if new is not None and (new.verdict not in NOTHING or one.verdict in NOTHING or knows_better(new, one)):
            continue
        seen = standing.seen(
            one.environment, (one.path, one.device.value), one.earlier, seen_at=one.found_at, commit=one.commit
        )
        if seen is not None:
            yield replace(one, earlier=seen)


def _cells(remedy: Remedy, standing: _Standing, record: Record | None) -> Iterator[RemedyCell]:
    """What a remedy did for cells that stand, and that no record here decides about."""
    for one in remedy.cells:
        at = _at(one)
        now = standing.cell(remedy.environment, at)
        if record is not None and now is not None and record.decides(now):
            continue
        seen = standing.seen(remedy.environment, at, one.earlier, seen_at=remedy.ran_at, commit=remedy.commit)
        if seen is not None:
            yield replace(one, earlier=seen)


def _joined(known: Remedy, old: Remedy) -> Remedy:
    """One remedy of both, if of the same packages: a run without a verdict does not hide one that had it."""
    told = tuple(cell for cell in known.cells if cell.outcome not in NO_VERDICT)
    if told and known.lock_sha256 != old.lock_sha256:
        return known
    places = {_at(cell) for cell in told}
    kept = tuple(cell for cell in old.cells if _at(cell) not in places)
    places |= {_at(cell) for cell in kept}
    silent = tuple(cell for cell in known.cells if _at(cell) not in places)
    return verified_by((*told, *silent, *kept), known if known.verified or not old.verified else old)


class _Standing:
    """Which cells of an earlier report fare now as they did, or are awaited; and what has moved around them."""

    def __init__(self, after: Edition, before: Edition) -> None:
        self._after, self._before = after, before
        kinds = [(one.results.model, one.results.weights, one.results.profile) for one in (after, before)]
        self._alike = kinds[0] == kinds[1]
        self._now = {one.id: one for one in after.results.environments}
        self._cells = {(cell.environment, place(cell)): cell for cell in after.results.cells}
        self._decided = {
            (request_id(cell.environment), place(cell))
            for cell in after.results.cells
            if cell.outcome not in NO_VERDICT
        }
        old = before.results
        self._then: dict[tuple[str, Place], Environment] = {
            (one.environment.id, place(cell)): one.environment for one in old.last for cell in one.cells
        }
        self._fared: dict[tuple[str, Place], str] = {}
        environments = {one.id: one for one in old.environments}
        for cell in old.cells:
            then = environments.get(cell.environment)  # a published file may be anybody's
            if then is not None and cell.outcome not in NO_VERDICT:
                self._then[then.id, place(cell)] = then
                self._fared[then.id, place(cell)] = failed(cell)

    def cell(self, environment: str, at: Place) -> Cell | None:
        """The cell there is now."""
        return self._cells.get((environment, at))

    def seen(
        self, environment: str, at: Place, seen: Earlier | None, *, seen_at: str | None, commit: str | None
    ) -> Earlier | None:
        """What is to be told of something that was seen of a cell; None where it does not stand.

        `seen` is what the earlier report told already; without that it is that report's own, of this time and commit.
        """
        key = environment, at
        then = self._then.get(key)
        fared = self._fared.get(key, seen.fared if seen is not None else None)
        if not self._alike or then is None or fared is None:
            return None
        if seen is None:
            if then.code is None:  # it could not be said whose code saw it
                return None
            seen = Earlier(seen_at=seen_at, commit=commit, code=then.code, fared=fared)
        cell = self._cells.get(key)
        if cell is None or cell.outcome in NO_VERDICT:
            return seen if self._is_awaited(environment, at, cell) else None
        now = self._now[environment]
        if failed(cell) != fared or _releases(now) != _releases(then):
            return None
        moved = self._moved(then, now, seen)
        return None if moved is None else replace(seen, fared=fared, moved=moved)

    def _is_awaited(self, environment: str, at: Place, cell: Cell | None) -> bool:
        if (request_id(environment), at) in self._decided:  # another build of torch has come in its place
            return False
        return cell is not None or is_awaited(((environment, *at), None, None), self._after)

    def _moved(self, then: Environment, now: Environment, seen: Earlier) -> dict[str, tuple[str, str]] | None:
        """Versions when it was seen and now, of what differs; None where that cannot be told."""
        if (then.lock_sha256, then.python) == (now.lock_sha256, now.python):
            return dict(seen.moved)
        old, new = _locked(self._before, then), _locked(self._after, now)
        if not old or not new:
            return None
        first = {**old, **{name: was for name, (was, _) in seen.moved.items()}}
        pairs = {name: (first.get(name, ABSENT), new.get(name, ABSENT)) for name in sorted(first.keys() | new.keys())}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _locked(edition: Edition, environment: Environment) -> dict[str, str]:
    locked = versions_of(edition.locks.get(environment.lock or "", ""))
    return {"python": environment.python, **locked} if locked else {}


def _releases(environment: Environment) -> tuple[object, ...]:
    """What an environment is made of, besides what its packages bring along."""
    python = environment.python.split(".")[:2]
    return python, dict(environment.packages), environment.torch_build


def _at(cell: RemedyCell) -> Place:
    return cell.path, cell.device.value


def _question(one: Boundary) -> tuple[object, ...]:
    return one.environment, one.axis, one.path, one.device, one.stage, one.direction
