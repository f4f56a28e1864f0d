"""An answer as text and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from asrcompat.advice import Answer, Change, Fit, Question, Tried
from asrcompat.model import Cell
from asrcompat.report.sanitize import one_line
from asrcompat.report.words import plural

_FEW = 5  # other distributions that change, by name
_MESSAGE = 160  # characters


def lines(found: Answer, *, count: int) -> Iterator[str]:
    """What a person reads: at most so many environments of each kind."""
    asked = _asked(found.question)
    if found.fits:
        yield f"{asked}: {len(found.fits)} of {plural(found.count, 'tested environment')} will do."
        yield from _fits(found.fits[:count])
        return
    yield f"{asked}: none of {plural(found.count, 'tested environment')} will do."
    if found.tried:
        yield ""
        yield f"Candidate with these versions ({len(found.tried)}), and why not:"
        for one in found.tried[:count]:
            yield from _tried(one)
    elif found.question.wants:
        yield "Nobody tested these versions together here: that says nothing of whether they work."
    if found.instead:
        yield ""
        yield "What works, nearest to that:"
        yield from _fits(found.instead[:count])


def _asked(question: Question) -> str:
    versions = " and ".join(one.text for one in question.wants.values())
    on = f"{', '.join(question.paths)} on {' and '.join(question.devices)}"
    return f"For {on}" + (f" with {versions}" if versions else "")


def _fits(fits: Sequence[Fit]) -> Iterator[str]:
    for number, fit in enumerate(fits, start=1):
        one = fit.candidate
        yield ""
        yield f"{number}. {one.environment.id}"
        yield f"   {one.versions}"
        for change in fit.unlike:
            yield f"   not what you asked for: {_change(change)}"
        if fit.changes:
            yield f"   changes of what you have: {_changes(fit.changes)}"
        day = (one.environment.ran_at or "").partition("T")[0]
        dated = f", of what the index had on {one.environment.as_of}" if one.environment.as_of else ""
        yield f"   ran on {day} with weights {one.weights}{dated}: all that you asked for works"
        yield f"   uv venv --python {one.python} env && uv pip sync --python env/bin/python --require-hashes {one.lock}"


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
        if cell is not None and (cure := one.candidate.cures.get(cell.remedy or "")) is not None:
            yield f"      tested cure: {cure}"


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
                    {"path": path, "device": device, "found": _why(one, cell)} for path, device, cell in one.wrong
                ],
            }
            for one in found.tried
        ],
    }


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
    }


def _moved(change: Change) -> dict[str, str | None]:
    return {"distribution": change.distribution, "from": change.before, "to": change.to}
