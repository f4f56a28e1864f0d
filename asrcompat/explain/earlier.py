"""What an earlier report tells of searches that nobody has made again: remedies and boundaries.

Both are of an environment and of how a cell fared in it. While it fares so among the same releases of what the
environment is made of, what was seen then is told as what was seen then (`Earlier`): with its day, its commit, whether
other code of this project saw it, and which packages that others bring along have moved. So it is while nothing can be
said of the cell. What was searched for here takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from asrcompat.explain.changed import ABSENT, NO_VERDICT, Edition
from asrcompat.explain.remedies.record import Record, failed
from asrcompat.explain.remedies.told import in_order
from asrcompat.model import Boundary, Cell, Earlier, Environment, Outcome, Remedy, RemedyCell
from asrcompat.run.lock import versions_of
from asrcompat.spec import request_id

_SHOWN = 8  # packages that are named
_Place = tuple[str, str]


def day(seen: Earlier | None) -> str:
    """When something was seen, where that was for an earlier report; nothing where it is of the present one."""
    if seen is None:
        return ""
    return "seen earlier" if seen.seen_at is None else f"seen on {seen.seen_at.partition('T')[0]}"


def in_words(seen: Earlier | None, environment: Environment | None) -> str:
    """The same, and what has moved since in the environment as it is reported now, where it is."""
    if seen is None:
        return ""
    other = environment is not None and seen.code != environment.code
    moved = [f"{name} {then} → {now}" for name, (then, now) in seen.moved.items()]
    more = f" and {len(moved) - _SHOWN} more" if len(moved) > _SHOWN else ""
    return (
        day(seen)
        + (f" by other code or settings of this project ({seen.commit or 'not known'})" if other else "")
        + (f"; moved since then: {', '.join(moved[:_SHOWN])}{more}" if moved else "")
    )


def remedies(
    after: Edition, before: Edition, own: Sequence[Remedy], records: Mapping[str, Record]
) -> tuple[Remedy, ...]:
    """The remedies known here (`own`, of `records` by environment), and what an earlier report tells of other cells.

    Of changes by which there are other packages now than there were then, only those known here are told.
    """
    found = {one.id: one for one in own}
    for then in _standing(after, before):
        record = records.get(then.identity)
        for remedy in before.results.remedies:
            cells = tuple(_cells(remedy, then, record)) if remedy.environment == then.identity else ()
            if not cells:
                continue
            known = found.get(remedy.id)
            if known is None:
                works = any(cell.outcome is Outcome.WORKS for cell in cells)
                bare = remedy if works else replace(remedy, verified=False, lock=None, lock_sha256=None, snippets=())
                found[remedy.id] = replace(bare, cells=cells)
            elif known.lock_sha256 == remedy.lock_sha256:
                found[remedy.id] = _joined(known, replace(remedy, cells=cells))
    return in_order(found.values())


def boundaries(after: Edition, before: Edition, own: Sequence[Boundary]) -> Iterator[Boundary]:
    """The boundaries that an earlier report tells of cells that fare as they did; but for what `own` answer."""
    answered = {_question(one) for one in own if one.verdict not in ("no change", "unsure")}
    for then in _standing(after, before):
        for one in before.results.boundaries:
            at = one.path, one.device.value
            if one.environment == then.identity and _question(one) not in answered and then.still(at, one.earlier):
                yield replace(one, earlier=then.seen(at, one.earlier, seen_at=one.found_at, commit=one.commit))


@dataclass(frozen=True, kw_only=True)
class _Then:
    """An environment as an earlier report knew it, which is there now of the same releases, or is awaited (`now` None).

    `fared` is how its cells fared then, `cells` are those of now; `locked` what was locked then, and is now.
    """

    environment: Environment
    now: Environment | None
    fared: Mapping[_Place, str]
    cells: Mapping[_Place, Cell]
    locked: tuple[Mapping[str, str], Mapping[str, str]] | None

    @property
    def identity(self) -> str:
        """The environment's id."""
        return self.environment.id

    def still(self, at: _Place, seen: Earlier | None) -> bool:
        """Whether a cell fares as it did when something was seen of it; one without a verdict is taken to."""
        fared = self.fared.get(at) if seen is None else seen.fared
        if fared is None or (self.environment.code is None and seen is None):
            return False
        if self.now is None:
            return True
        cell = self.cells.get(at)
        return cell is not None and (cell.outcome in NO_VERDICT or failed(cell) == fared)

    def seen(self, at: _Place, seen: Earlier | None, *, seen_at: str | None, commit: str | None) -> Earlier:
        """What is told of when that was."""
        first = Earlier(seen_at=seen_at, commit=commit, code=self.environment.code or "", fared=self.fared.get(at, ""))
        seen = seen or first
        if self.locked is None:
            return seen
        last, now = self.locked
        then = {**last, **{name: was for name, (was, _) in seen.moved.items()}}
        pairs = {name: (then.get(name, ABSENT), now.get(name, ABSENT)) for name in sorted(then.keys() | now.keys())}
        return replace(seen, moved={name: pair for name, pair in pairs.items() if pair[0] != pair[1]})


def _standing(after: Edition, before: Edition) -> Iterator[_Then]:
    results, old = after.results, before.results
    if (results.model, results.weights) != (old.model, old.weights):
        return
    by_id = {one.id: one for one in results.environments}
    awaited = {request_id(one) for one in results.missing}
    known = {one.environment.id: one.environment for one in old.last} | {one.id: one for one in old.environments}
    for then in known.values():
        now = by_id.get(then.id)
        if now is None and request_id(then.id) not in awaited:
            continue
        locked = None
        if now is not None:
            if _releases(now) != _releases(then):
                continue
            if now.lock_sha256 is None or now.lock_sha256 != then.lock_sha256:
                last, new = _locked(before, then), _locked(after, now)
                if not last or not new:  # what moved cannot be told
                    continue
                locked = last, new
        yield _Then(
            environment=then,
            now=now,
            fared={_of(cell): failed(cell) for cell in old.cells if cell.environment == then.id},
            cells={_of(cell): cell for cell in results.cells if cell.environment == then.id},
            locked=locked,
        )


def _cells(remedy: Remedy, then: _Then, record: Record | None) -> Iterator[RemedyCell]:
    """What a remedy did for cells that fare as they did, and that no record here speaks of."""
    for one in remedy.cells:
        at, now = _at(one), then.cells.get(_at(one))
        known = record is not None and now is not None and record.decides(now)
        if not known and then.still(at, one.earlier):
            seen = then.seen(at, one.earlier, seen_at=remedy.ran_at, commit=remedy.commit)
            yield replace(one, earlier=seen)


def _joined(known: Remedy, old: Remedy) -> Remedy:
    """One remedy of both, of the same packages: a run here that gave no verdict does not hide one that did."""
    told = tuple(cell for cell in known.cells if cell.outcome not in NO_VERDICT)
    places = {_at(cell) for cell in told}
    kept = tuple(cell for cell in old.cells if _at(cell) not in places)
    places |= {_at(cell) for cell in kept}
    silent = tuple(cell for cell in known.cells if _at(cell) not in places)
    base = known if known.verified or not old.verified else old
    cells = (*told, *silent, *kept)
    return replace(base, cells=cells, verified=any(cell.outcome is Outcome.WORKS for cell in cells))


def _locked(edition: Edition, environment: Environment) -> dict[str, str]:
    return versions_of(edition.locks.get(environment.lock or "", ""))


def _releases(environment: Environment) -> tuple[object, ...]:
    """What an environment is made of, besides what its packages bring along."""
    return environment.python, dict(environment.packages), environment.torch_build


def _of(cell: Cell) -> _Place:
    return cell.path, cell.device.value


def _at(cell: RemedyCell) -> _Place:
    return cell.path, cell.device.value


def _question(one: Boundary) -> tuple[object, ...]:
    return one.environment, one.axis, one.path, one.device, one.stage, one.direction
