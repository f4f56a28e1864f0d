"""What a search found, as remedies that a report may tell of."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from asrcompat.explain.remedies.groups import miss
from asrcompat.explain.remedies.snippets import snippets
from asrcompat.explain.remedies.trial import Found, Place, Trial, place
from asrcompat.lab.change import Change
from asrcompat.model import Cell, Environment, Outcome, Remedy, RemedyCell
from asrcompat.spec import PUBLISHED, split_path


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
    unsure: dict[tuple[Change, ...], tuple[Change, ...]] = {}
    for at, cure in found.cured.items():
        changes = cure.trial.candidate.changes
        cured.setdefault(changes, {})[at] = cure.trial
        needless[changes] = tuple(dict.fromkeys([*needless.get(changes, ()), *cure.needless]))
        unsure[changes] = tuple(dict.fromkeys([*unsure.get(changes, ()), *cure.open]))
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
            remedy = _remedy(environment, before, shown, needless.get(changes, ()), found, model, hub)
            told.append(dataclasses.replace(remedy, says=_says(remedy.says, unsure.get(changes, ()))))
    return in_order(told)


def _says(what: str, unsure: Sequence[Change]) -> str:
    if not unsure:
        return what
    without = " and one without ".join(map(str, unsure))
    return f"{what} It may be more than is needed: a run without {without} gave no verdict."


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
        snippets=snippets(
            candidate.changes,
            derived,
            base=environment,
            model=model,
            hub=hub,
            own_copy=any(split_path(path)[1] != PUBLISHED for path, _ in shown),
        )
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


def _differences(environment: Environment, derived: Environment) -> tuple[str, ...]:
    names = dict.fromkeys([*environment.packages, *derived.packages])
    pairs = ((name, environment.packages.get(name), derived.packages.get(name)) for name in names)
    if not derived.packages:
        return ()
    return tuple(f"{name} {old or '(none)'} -> {new or '(none)'}" for name, old, new in pairs if old != new)


def _as_data(changes: Sequence[Change]) -> tuple[Mapping[str, str], ...]:
    return tuple({"kind": one.kind, "value": one.value} for one in changes)


def in_order(found: Iterable[Remedy]) -> tuple[Remedy, ...]:
    """The verified ones first."""
    return tuple(sorted(found, key=lambda one: not one.verified))
