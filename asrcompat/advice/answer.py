"""The answer: tested environments in which all that was asked for works, the nearest first; and why not others.

Nearest is what changes fewest of the versions that a person has, then what moves them least far along the releases that
were tested; among equals, the newest. Without any that fits, the nearest that works elsewhere is told as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.version import Version

from asrcompat.advice.candidate import Candidate, parsed
from asrcompat.advice.question import AXES, Question, Wanted
from asrcompat.model import Cell

_NEWEST_BY = ("torch", "transformers", "espnet", "s3prl", "python")


@dataclass(frozen=True, kw_only=True)
class Change:
    """A distribution of which a person has, or wants, something else than an environment; `to` None: it has none."""

    distribution: str
    before: str
    to: str | None


@dataclass(frozen=True, kw_only=True)
class Fit:
    """An environment in which all that was asked for works: what of a person's versions it changes, what of the wanted.

    `unlike` is empty where it is what was asked for.
    """

    candidate: Candidate
    changes: tuple[Change, ...]
    unlike: tuple[Change, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Tried:
    """An environment of the wanted versions, and what in it was not seen to work: path, device, cell."""

    candidate: Candidate
    wrong: tuple[tuple[str, str, Cell | None], ...]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """`fits` is what was asked for; only without any, `instead` works with other versions than wanted.

    `tried` are environments of the wanted versions that do not do, the least wrong first; of `count` tested ones.
    """

    question: Question
    fits: tuple[Fit, ...]
    instead: tuple[Fit, ...]
    tried: tuple[Tried, ...]
    count: int


def answer(question: Question, environments: Sequence[Candidate]) -> Answer:
    """Rank the tested environments for a question. One that is in several reports is taken as it was run last."""
    known = list(_latest(environments, question))
    good = [one for one in known if not list(one.wrong(question.paths, question.devices))]
    lines = {axis: _line(known, axis) for axis in AXES}
    fits = [
        Fit(
            candidate=one,
            changes=tuple(_changes(one, question.have)),
            unlike=tuple(_changes(one, question.wants)),
        )
        for one in good
    ]
    fits.sort(key=lambda fit: (*_distance(fit.unlike, lines), *_distance(fit.changes, lines)))
    exact = [fit for fit in fits if not fit.unlike]
    tried = [
        Tried(candidate=one, wrong=wrong)
        for one in known
        if not list(_changes(one, question.wants)) and (wrong := tuple(one.wrong(question.paths, question.devices)))
    ]
    # what was not tried at all tells least
    tried.sort(key=lambda one: (len(one.wrong), sum(cell is None for _, _, cell in one.wrong)))
    return Answer(
        question=question,
        fits=tuple(exact),
        instead=() if exact else tuple(fits),
        tried=tuple(tried),
        count=len(known),
    )


def _latest(environments: Sequence[Candidate], question: Question) -> Iterator[Candidate]:
    """Each environment once, newest versions first: as it was run last, of the runs that tried most of this."""
    found: dict[str, Candidate] = {}
    for one in environments:
        other = found.get(one.environment.id)
        if other is None or _tried(one, question) > _tried(other, question):
            found[one.environment.id] = one
    yield from sorted(found.values(), key=_newness, reverse=True)


def _tried(one: Candidate, question: Question) -> tuple[int, str]:
    asked = [(path, device) for path in question.paths for device in question.devices]
    return sum(each in one.cells for each in asked), one.environment.ran_at or ""


def _newness(one: Candidate) -> tuple[Version, ...]:
    axes = (one.axis(axis) for axis in _NEWEST_BY)
    return tuple(parsed("0" if found is None else found[1]) for found in axes)


def _changes(one: Candidate, wants: Mapping[str, Wanted]) -> Iterator[Change]:
    """What of these versions the environment does not have; what is on no axis may be missing in it."""
    for name, wish in wants.items():
        version = one.version(wish.distribution)
        if wish.holds(version) or (name not in AXES and version is None):
            continue
        found = one.axis(name) if name in AXES else (name, version or "")
        told = None if found is None else " ".join(found if found[0] != name else found[1:])
        yield Change(distribution=name, before=wish.text.removeprefix(f"{name} "), to=told)


def _line(known: Sequence[Candidate], axis: str) -> list[Version]:
    """The tested releases along an axis, in order."""
    return sorted({parsed(found[1]) for one in known if (found := one.axis(axis)) is not None})


def _distance(changes: Sequence[Change], lines: Mapping[str, list[Version]]) -> tuple[int, int, int]:
    """How many axes change and how far they move, then how much else changes."""
    moved = [change for change in changes if change.distribution in AXES]
    return len(moved), _far(moved, lines), len(changes) - len(moved)


def _far(changes: Sequence[Change], lines: Mapping[str, list[Version]]) -> int:
    """How many tested releases all changes together move over; a change of distribution, or to none, moves over all."""
    return sum(_steps(change, lines[change.distribution]) for change in changes)


def _steps(change: Change, line: Sequence[Version]) -> int:
    try:
        start, end = Version(change.before.removesuffix(".*").lstrip("=<>!~ ")), Version(change.to or "")
    except ValueError:
        return len(line)
    low, high = sorted((start, end))
    return sum(low <= each <= high for each in line)
