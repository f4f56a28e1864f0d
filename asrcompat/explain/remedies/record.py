"""What a search found, as data: one file for each environment, and the remedies that a report may tell of."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from asrcompat.explain.remedies.groups import miss
from asrcompat.explain.remedies.snippets import snippets
from asrcompat.explain.remedies.trial import NO_VERDICT, Found, Place, Trial, place
from asrcompat.lab.change import Change
from asrcompat.model import Cell, Environment, Outcome, Remedy, RemedyCell, Weights
from asrcompat.run.store import write_text

_FOLDER = "remedies"


@dataclass(frozen=True, kw_only=True)
class Record:
    """The remedies of one environment as it was built of one lock: those verified, and those tried."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    environment: str
    lock_sha256: str | None
    remedies: tuple[Remedy, ...]


_RECORD = TypeAdapter(Record)


def folder(work: Path, weights: Weights) -> Path:
    """Where the records of one kind of weights lie."""
    return work / _FOLDER / weights


def write(record: Record, locks: Mapping[str, str], at: Path) -> None:
    """Keep a record, and the locks of its remedies by their names."""
    for name, text in locks.items():
        write_text(at / name, text)
    text = json.dumps(dataclasses.asdict(record), indent=2, ensure_ascii=False) + "\n"
    write_text(at / f"{record.environment}.json", text)


def read(environment: Environment, at: Path, *, warn: Callable[[str], None]) -> Record | None:
    """The record of an environment as it is in results; one of another lock is told and passed over."""
    file = at / f"{environment.id}.json"
    try:
        record = _RECORD.validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (ValidationError, OSError) as error:
        warn(f"passed over: {file.name} of {at.name}'s remedies is none: {str(error).splitlines()[0]}")
        return None
    if record.lock_sha256 != environment.lock_sha256:
        warn(f"{environment.id}: its remedies were found with other packages than it has now; run `remedy` again")
        return None
    return record


def merged(new: Record, old: Record | None, looked_at: Sequence[Place]) -> Record:
    """The new record, and of the old one what it says of cells that were not looked at this time."""
    if old is None:
        return new
    by_id = {remedy.id: remedy for remedy in new.remedies}
    for remedy in old.remedies:
        same = by_id.get(remedy.id)
        told = () if same is None else tuple(cell for cell in same.cells if cell.outcome not in NO_VERDICT)
        passed_over = {*looked_at, *map(_at, told)}
        kept = tuple(cell for cell in remedy.cells if _at(cell) not in passed_over)
        if not kept:
            continue
        silent = () if same is None else (cell for cell in same.cells if cell.outcome in NO_VERDICT)
        cells = (*told, *(cell for cell in silent if _at(cell) not in set(map(_at, kept))), *kept)
        # lock and texts to paste are with the one that was seen to work
        base = next((one for one in (same, remedy) if one is not None and one.verified), same or remedy)
        verified = any(cell.outcome is Outcome.WORKS for cell in cells)
        by_id[remedy.id] = dataclasses.replace(base, cells=cells, verified=verified)
    return dataclasses.replace(new, remedies=_sorted(by_id.values()))


def _at(cell: RemedyCell) -> Place:
    return cell.path, cell.device.value


def remedies(
    environment: Environment, cells: Sequence[Cell], found: Found, *, model: str, hub: Path
) -> tuple[Remedy, ...]:
    """Everything that was tried, the verified ones first.

    A set that works and was made smaller is told of as the smaller one; the larger one stands among those tried only
    where some cell did not work with it. Where a place was not available, nothing was tried. `hub` is the folder of the
    fixtures' repositories.
    """
    before = {place(cell): cell for cell in cells}
    cured: dict[tuple[Change, ...], dict[Place, Trial]] = {}
    needless: dict[tuple[Change, ...], tuple[Change, ...]] = {}
    for at, cure in found.cured.items():
        changes = cure.trial.candidate.changes
        cured.setdefault(changes, {})[at] = cure.trial
        needless[changes] = tuple(dict.fromkeys([*needless.get(changes, ()), *cure.needless]))
    told = []
    for changes, trials in found.trials.items():
        by_place = {at: trial for trial in trials for at in trial.seen if at in before}
        by_place |= cured.get(changes, {})
        # what works with these changes, and with fewer, is told of with the fewer
        shown = {
            at: trial
            for at, trial in by_place.items()
            if at in cured.get(changes, {}) or trial.seen[at].outcome not in (Outcome.WORKS, Outcome.UNAVAILABLE)
        }
        if shown:
            told.append(_remedy(environment, before, shown, needless.get(changes, ()), found, model, hub))
    return _sorted(told)


def _remedy(
    environment: Environment,
    before: Mapping[Place, Cell],
    shown: Mapping[Place, Trial],
    needless: Sequence[Change],
    found: Found,
    model: str,
    hub: Path,
) -> Remedy:
    cells = tuple(_cell(before[at], trial, found.unsure([before[at]])) for at, trial in shown.items())
    verified = any(cell.outcome is Outcome.WORKS for cell in cells)
    trial = next(iter(shown.values()))
    derived, candidate = trial.result.environment, trial.candidate
    return Remedy(
        id=derived.id,
        environment=environment.id,
        changes=_as_data(candidate.changes),
        says=candidate.says,
        verified=verified,
        cells=cells,
        signatures=candidate.signatures,
        needless=_as_data(needless),
        snippets=snippets(candidate.changes, derived.packages, before=environment.packages, model=model, hub=hub)
        if verified
        else (),
        lock=derived.lock if verified else None,
        lock_sha256=derived.lock_sha256,
        differences=_differences(environment, derived),
        ran_at=derived.ran_at,
        commit=derived.commit,
    )


def _cell(before: Cell, trial: Trial, unsure: Sequence[Cell]) -> RemedyCell:
    seen = trial.seen[place(before)]
    works = seen.outcome is Outcome.WORKS
    return RemedyCell(
        path=before.path,
        device=before.device,
        before=standing(before),
        outcome=seen.outcome,
        stage=seen.stage,
        message="" if works else seen.message,
        trials=seen.trials,
        miss=miss(unsure, seen.trials.of) if works and seen.trials is not None else None,
        evidence=seen.evidence,
    )


def standing(cell: Cell) -> str:
    """Where a cell stands, in words: ``broken at load``, ``unstable at train, 13 of 20``."""
    trials = f", {cell.trials.passed} of {cell.trials.of}" if cell.outcome is Outcome.UNSTABLE and cell.trials else ""
    return f"{cell.outcome} at {cell.failed or cell.stage}{trials}"


def words(remedy: Remedy) -> str:
    """A remedy's changes in a few words."""
    kinds: Mapping[str, str] = {"config": "config ", "file": "file ", "variable": "variable ", "shim": "shim "}
    return " and ".join(kinds.get(one["kind"], "") + one["value"] for one in remedy.changes)


def _differences(environment: Environment, derived: Environment) -> tuple[str, ...]:
    names = dict.fromkeys([*environment.packages, *derived.packages])
    pairs = ((name, environment.packages.get(name), derived.packages.get(name)) for name in names)
    if not derived.packages:
        return ()
    return tuple(f"{name} {old or '(none)'} -> {new or '(none)'}" for name, old, new in pairs if old != new)


def _as_data(changes: Sequence[Change]) -> tuple[Mapping[str, str], ...]:
    return tuple({"kind": one.kind, "value": one.value} for one in changes)


def _sorted(found: Iterable[Remedy]) -> tuple[Remedy, ...]:
    return tuple(sorted(found, key=lambda one: not one.verified))
