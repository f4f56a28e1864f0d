"""The answer: tested environments in which all that was asked for works, the nearest first; and why not others.

Nearest is what changes fewest of the versions that a person has, then what moves them least far along the releases that
were tested; among equals, the newest. Without any that fits, the nearest that works elsewhere is told as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from asrcompat.advice.candidate import Candidate, Cure
from asrcompat.advice.lines import Lines
from asrcompat.advice.question import AXES, Question, Wanted
from asrcompat.model import Cell, Outcome

_VERDICTS = frozenset({Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE})
_WEIGHTS = ("synthetic-small", "synthetic-base", "hub")  # what tells least first


@dataclass(frozen=True, kw_only=True)
class Change:
    """A distribution of which a person has, or wants, something else than an environment; `to` None: it has none."""

    distribution: str
    before: str
    to: str | None


@dataclass(frozen=True, kw_only=True)
class Fit:
    """An environment in which all that was asked for works: what of a person's versions it changes, what of the wanted.

    `unlike` is empty where it is what was asked for; `without` are distributions that a person has and it has not.
    """

    candidate: Candidate
    changes: tuple[Change, ...]
    without: tuple[str, ...] = ()
    unlike: tuple[Change, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tried:
    """An environment of the wanted versions, and what in it was not seen to work: path, device, cell."""

    candidate: Candidate
    wrong: tuple[tuple[str, str, Cell | None], ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`fits` is what was asked for; only without any, `instead` works with other versions than wanted.

    `tried` are environments of the wanted versions that do not do, of `count` tested ones: first those in which the
    least has no known cure.
    `unseen` are devices on which nothing was ever run, `releases` what was tested on each axis that is asked for.
    """

    question: Question
    fits: tuple[Fit, ...]
    instead: tuple[Fit, ...]
    tried: tuple[Tried, ...]
    count: int
    unseen: tuple[str, ...]
    releases: Mapping[str, tuple[str, ...]]


def answer(question: Question, environments: Sequence[Candidate]) -> Answer:
    """Rank the tested environments for a question. One that is in several reports is taken as it was run last."""
    single = list(_latest(environments, question))
    lines = Lines(single)
    known = sorted(single, key=lines.newness, reverse=True)
    fits = [
        Fit(
            candidate=one,
            changes=tuple(_changes(one, question.have)),
            without=tuple(name for name in question.have if name not in AXES and one.version(name) is None),
            unlike=tuple(_changes(one, question.wants)),
        )
        for one in known
        if not list(one.wrong(question.paths, question.devices))
    ]
    fits.sort(
        key=lambda fit: (
            *_distance(fit.candidate, fit.unlike, question.wants, lines),
            *_distance(fit.candidate, fit.changes, question.have, lines),
        )
    )
    exact = [fit for fit in fits if not fit.unlike]
    tried = [
        Tried(candidate=one, wrong=wrong)
        for one in known
        if not list(_changes(one, question.wants)) and (wrong := tuple(one.wrong(question.paths, question.devices)))
    ]
    # what nothing is known to cure comes last; what was not tried at all tells least
    tried.sort(key=lambda one: (_uncured(one), len(one.wrong), sum(cell is None for _, _, cell in one.wrong)))
    return Answer(
        question=question,
        fits=tuple(exact),
        instead=() if exact else tuple(fits),
        tried=tuple(tried),
        count=len(known),
        unseen=tuple(device for device in question.devices if not any(_seen(one, device) for one in known)),
        releases={axis: lines.told(axis) for axis in question.wants},
    )


def _uncured(one: Tried) -> int:
    """How many of the wrong cells nothing was seen to cure."""
    return sum((path, device) not in one.candidate.cures for path, device, _ in one.wrong)


def _seen(one: Candidate, device: str) -> bool:
    return any(there == device and cell.outcome in _VERDICTS for (_, there), cell in one.cells.items())


def _latest(environments: Sequence[Candidate], question: Question) -> Iterator[Candidate]:
    """Each environment once: of the runs that came to most of these verdicts, on the best weights, the last."""
    found: dict[str, Candidate] = {}
    cures: dict[str, dict[tuple[str, str], Cure]] = {}
    for one in environments:
        name = one.environment.id
        other = found.get(name)
        if other is None or _weight(one, question) > _weight(other, question):
            found[name] = one
        cures[name] = {**cures.get(name, {}), **one.cures}  # whichever report tells them
    yield from (replace(found[name], cures={**cures[name], **found[name].cures}) for name in sorted(found))


def _weight(one: Candidate, question: Question) -> tuple[int, int, str]:
    asked = [(path, device) for path in question.paths for device in question.devices]
    verdicts = sum(one.cells[each].outcome in _VERDICTS for each in asked if each in one.cells)
    return verdicts, _WEIGHTS.index(one.weights), one.environment.ran_at or ""


def _changes(one: Candidate, wants: Mapping[str, Wanted]) -> Iterator[Change]:
    """What of these versions the environment does not have; what is on no axis may be missing in it."""
    for name, wish in wants.items():
        version = one.version(wish.distribution)
        if wish.holds(version) or (name not in AXES and version is None):
            continue
        found = one.axis(name) if name in AXES else (name, version or "")
        told = None if found is None else " ".join(found if found[0] != name else found[1:])
        yield Change(distribution=name, before=wish.text.removeprefix(f"{name} "), to=told)


def _distance(
    one: Candidate, changes: Sequence[Change], wants: Mapping[str, Wanted], lines: Lines
) -> tuple[int, int, int]:
    """How many axes change and how far they move, then how much else changes."""
    moved = [change.distribution for change in changes if change.distribution in AXES]
    far = sum(lines.steps(axis, one, wants[axis]) for axis in moved)
    return len(moved), far, len(changes) - len(moved)
