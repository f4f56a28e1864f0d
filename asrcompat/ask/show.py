"""An answer as text and as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from asrcompat.advice import Answer, Change, Cure, Fit, Question, Tried
from asrcompat.model import Cell
from asrcompat.report.sanitize import one_line, printable
from asrcompat.report.words import plural

_FEW = 5  # other distributions that change, by name
_MESSAGE = 160  # characters


def lines(found: Answer, *, count: int, here: Callable[[str], str] = str) -> Iterator[str]:
    """What a person reads: at most so many environments of each kind; `here` tells how a file is called there."""
    for line in _lines(found, count, here):
        yield printable(line)  # a report may have come from anywhere


def _lines(found: Answer, count: int, here: Callable[[str], str]) -> Iterator[str]:
    asked = _asked(found.question)
    if found.fits:
        more = f"; the first {count}:" if len(found.fits) > count else "."
        yield f"{asked}: {len(found.fits)} of {plural(found.count, 'tested environment')} will do{more}"
        yield from _fits(found.fits[:count], here)
        return
    yield f"{asked}: none of {plural(found.count, 'tested environment')} will do."
    if found.unseen:
        yield f"Nothing was ever run on {' or '.join(found.unseen)} for these reports: of that nothing is known."
        return
    if found.tried:
        more = f", the first {count}" if len(found.tried) > count else ""
        these = " with these versions" if found.question.wants else ""
        yield ""
        yield f"Tested{these} ({len(found.tried)}{more}), and why not:"
        for one in found.tried[:count]:
            yield from _tried(one)
    elif found.question.wants:
        yield "No environment of these versions was run here: that says nothing of whether they work."
        for axis, releases in found.releases.items():
            yield f"   {axis} was tested in {', '.join(releases)}"
    if found.instead:
        yield ""
        yield "What works, nearest to that:"
        yield from _fits(found.instead[:count], here)


def _asked(question: Question) -> str:
    versions = " and ".join(one.text for one in question.wants.values())
    on = f"{', '.join(question.paths)} on {' and '.join(question.devices)}"
    return f"For {on}" + (f" with {versions}" if versions else "")


def _fits(fits: Sequence[Fit], here: Callable[[str], str]) -> Iterator[str]:
    for number, fit in enumerate(fits, start=1):
        one = fit.candidate
        yield ""
        yield f"{number}. {one.environment.id}"
        yield f"   {one.versions}"
        for change in fit.unlike:
            yield f"   not what you asked for: {_change(change)}"
        if fit.changes:
            yield f"   changes of what you have: {_changes(fit.changes)}"
        if fit.without:
            yield f"   of what you have it is without: {', '.join(fit.without)}"
        day = (one.environment.ran_at or "").partition("T")[0]
        dated = f", of what the index had on {one.environment.as_of}" if one.environment.as_of else ""
        yield f"   ran on {day} with weights {one.weights}{dated}: all that you asked for works"
        if one.environment.declared == "conflict":
            yield "   its packages' own requirements contradict each other: the lock has what overrides them"
        yield f"   {' && '.join(one.install(here(one.lock)).splitlines())}"


def _changes(changes: Sequence[Change]) -> str:
    shown = ", ".join(_change(one) for one in changes[:_FEW])
    return shown + (f" and {len(changes) - _FEW} more" if len(changes) > _FEW else "")


def _change(change: Change) -> str:
    return f"{change.distribution} {change.before} -> {change.to or 'none'}"


def _tried(one: Tried) -> Iterator[str]:
    yield ""
    yield f"- {one.candidate.environment.id}"
    for path, device, cell in one.wrong:
        yield f"   {path} on {device}: {_why(one, cell)}"
        if (cure := one.candidate.cures.get((path, device))) is not None:
            lock = f"; lock: {cure.folder}/{cure.remedy.lock}" if cure.remedy.lock else ""
            when = f"; {cure.seen}" if cure.seen else ""
            yield f"      tested cure: {cure.remedy.says} (text to paste: {cure.page}{lock}{when})"


def _why(one: Tried, cell: Cell | None) -> str:
    if cell is None:
        return "not tried"
    at = f" at {cell.stage}" if cell.failed else ""
    told = one.candidate.titles.get(cell.signature or "") or one_line(cell.message, _MESSAGE)
    return f"{cell.outcome}{at}" + (f": {told}" if told else "")


def data(found: Answer) -> dict[str, Any]:
    """The same for programs."""
    question = found.question
    return {
        "schema": 1,
        "asked": {
            "versions": {axis: one.text for axis, one in question.wants.items()},
            "paths": list(question.paths),
            "devices": list(question.devices),
        },
        "tested": found.count,
        "fits": [_fit(one) for one in found.fits],
        "instead": [_fit(one) for one in found.instead],
        "tried": [
            {
                "environment": one.candidate.environment.id,
                "wrong": [
                    {
                        "path": path,
                        "device": device,
                        "found": _why(one, cell),
                        "cure": None if (cure := one.candidate.cures.get((path, device))) is None else _cure(cure),
                    }
                    for path, device, cell in one.wrong
                ],
            }
            for one in found.tried
        ],
    }


def _cure(cure: Cure) -> str:
    return f"{cure.remedy.says} ({cure.seen})" if cure.seen else cure.remedy.says


def _fit(fit: Fit) -> dict[str, Any]:
    environment = fit.candidate.environment
    return {
        "environment": environment.id,
        "python": environment.python,
        "packages": dict(environment.packages),
        "lock": fit.candidate.lock,
        "lock_sha256": environment.lock_sha256,
        "ran_at": environment.ran_at,
        "weights": fit.candidate.weights,
        "unlike": [_moved(one) for one in fit.unlike],
        "changes": [_moved(one) for one in fit.changes],
        "without": list(fit.without),
    }


def _moved(change: Change) -> dict[str, str | None]:
    return {"distribution": change.distribution, "from": change.before, "to": change.to}
