"""Remedies on record: one file for each environment, of one lock, one code and one way in which each cell failed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict, ValidationError

from asrcompat.adapters import adapter
from asrcompat.explain.remedies.groups import failure
from asrcompat.explain.remedies.told import in_order
from asrcompat.explain.remedies.trial import NO_VERDICT, Place, place
from asrcompat.model import Cell, Environment, Outcome, Remedy, RemedyCell, Weights
from asrcompat.run.store import write_text

_FOLDER = "remedies"


@dataclass(frozen=True, kw_only=True)
class Record:
    """The remedies of one environment as it was built of one lock: those verified, and those tried.

    They were found by code of the digest `code`; `failures` tells how each of its cells failed, by ``path on device``.
    `looked_at` are those of which all there is to try was tried, or one cured; None in records that do not tell.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    environment: str
    lock_sha256: str | None
    code: str | None
    failures: Mapping[str, str]
    remedies: tuple[Remedy, ...]
    looked_at: tuple[str, ...] | None = None

    def speaks_of(self, cell: Cell) -> bool:
        """Whether a cell still fails as it did; of one that does not, nothing is known."""
        return self.failures.get(where(place(cell))) == failed(cell)

    def decides(self, cell: Cell) -> bool:
        """Whether what it says of a cell takes the place of what was known of it before."""
        return self.speaks_of(cell) and (self.looked_at is None or where(place(cell)) in self.looked_at)

    def without(self, lost: Collection[str]) -> Record:
        """What it says without the remedies of these ids: of their cells it decides nothing."""
        left = tuple(one for one in self.remedies if one.id not in lost)
        open_ = {where(_at(cell)) for one in self.remedies if one.id in lost for cell in one.cells}
        looked_at = tuple(self.failures) if self.looked_at is None else self.looked_at
        return dataclasses.replace(self, remedies=left, looked_at=tuple(at for at in looked_at if at not in open_))

    def standing(self, cells: Iterable[Cell]) -> tuple[Remedy, ...]:
        """What it says of those of `cells` that it speaks of."""
        same = {place(cell) for cell in cells if self.speaks_of(cell)}
        return tuple(one for remedy in self.remedies if (one := _of(remedy, same)) is not None)


def folder(work: Path, weights: Weights) -> Path:
    """Where the records of one kind of weights lie."""
    return work / _FOLDER / weights


def write(record: Record, locks: Mapping[str, str], at: Path) -> None:
    """Keep a record, and the locks of its remedies by their names."""
    for name, text in locks.items():
        write_text(at / name, text)
    text = json.dumps(dataclasses.asdict(record), indent=2, ensure_ascii=False) + "\n"
    write_text(at / f"{record.environment}.json", text)


def read(
    environment: Environment, at: Path, *, warn: Callable[[str], None], outdated: Callable[[str], None] | None = None
) -> Record | None:
    """The record of an environment as it is in results; one of another lock is told (`outdated`) and passed over."""
    file = at / f"{environment.id}.json"
    try:
        record = adapter(Record).validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (ValidationError, OSError) as error:
        warn(f"passed over: {file.name} of {at.name}'s remedies is none: {str(error).splitlines()[0]}")
        return None
    outdated = outdated or warn
    if record.lock_sha256 != environment.lock_sha256:
        outdated(f"{environment.id}: its remedies were found with other packages than it has now; run `remedy` again")
        return None
    if record.code != environment.code:
        outdated(f"{environment.id}: its remedies were found by other code of this project; run `remedy` again")
        return None
    return record


def merged(new: Record, old: Record | None, looked_at: Sequence[Place]) -> Record:
    """The new record, and of the old one what it says of cells that were not looked at this time."""
    if old is None:
        return dataclasses.replace(new, looked_at=tuple(sorted(map(where, looked_at))))
    failures = {**old.failures, **new.failures}
    # what failed otherwise then was another failure
    still = {at for at, how in old.failures.items() if failures[at] == how}
    by_id = {remedy.id: remedy for remedy in new.remedies}
    for remedy in old.remedies:
        same = by_id.get(remedy.id)
        told = () if same is None else tuple(cell for cell in same.cells if cell.outcome not in NO_VERDICT)
        passed_over = {*looked_at, *map(_at, told)}
        kept = tuple(cell for cell in remedy.cells if _at(cell) not in passed_over and where(_at(cell)) in still)
        if not kept or (told and same is not None and same.lock_sha256 != remedy.lock_sha256):
            continue  # other packages by one name
        silent = () if same is None else (cell for cell in same.cells if cell.outcome in NO_VERDICT)
        cells = (*told, *(cell for cell in silent if _at(cell) not in set(map(_at, kept))), *kept)
        # lock and texts to paste are with the one that was seen to work
        base = next((one for one in (same, remedy) if one is not None and one.verified), same or remedy)
        by_id[remedy.id] = verified_by(cells, base)
    known = tuple(failures) if old.looked_at is None else old.looked_at
    places = {*map(where, looked_at), *(at for at in known if at in still)}
    return dataclasses.replace(
        new, failures=failures, remedies=in_order(by_id.values()), looked_at=tuple(sorted(places))
    )


def failures_of(cells: Iterable[Cell]) -> dict[str, str]:
    """How each of these cells failed, by where it stands."""
    return {where(place(cell)): failed(cell) for cell in cells}


def failed(cell: Cell) -> str:
    """How a cell fails, for comparison: how many steps an unstable one passed is chance, and no part of it."""
    return f"{cell.outcome} at {cell.failed or cell.stage}: {failure(cell)}"


def where(at: Place) -> str:
    """A place in words."""
    return " on ".join(at)


def _of(remedy: Remedy, places: Collection[Place]) -> Remedy | None:
    """What a remedy says of these places; None where that is nothing."""
    cells = tuple(cell for cell in remedy.cells if _at(cell) in places)
    if not cells:
        return None
    return verified_by(cells, remedy)


def verified_by(cells: tuple[RemedyCell, ...], remedy: Remedy) -> Remedy:
    """A remedy with these cells; where none of them works, there is nothing to install or to paste."""
    if any(cell.outcome is Outcome.WORKS for cell in cells):
        return dataclasses.replace(remedy, cells=cells, verified=True)
    return dataclasses.replace(remedy, cells=cells, verified=False, lock=None, lock_sha256=None, snippets=())


def _at(cell: RemedyCell) -> Place:
    return cell.path, cell.device.value
