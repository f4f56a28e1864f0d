"""Where along an ordered line of releases an answer turns: a search that asks as little as it can, and believes no end.

Releases that give no answer (they do not install, or the harness failed) are stepped over and named. Both neighbours of
the turn, or the end of the line where there is none, are asked again before it is believed. One bad answer makes a
release bad, whatever it answers another time: what passes and fails is not good. So a release that is said to be bad
and passes is asked again before it is contradicted. The line is taken to turn once
between the two ends: releases that were not asked are taken to answer as those around them do, and where the line turns
more often, one of the turns is found, not always the nearest.

Of the releases that answer, `bisect` asks at most ceil(log2(n - 1)) + 2 in a line of n, and `outward` at most
ceil(log2(n)) + 1 in a line of n from where it starts; each asks two of them again. A release that answers differently
when it is asked again costs more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Answer(StrEnum):
    """What a release is. `SKIP`: nothing can be said of it."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"


Ask = Callable[[str, int], tuple[Answer, str]]
"""Release and the number of the attempt (0, then 1 when it is asked again) → answer and what was seen, in words."""

ATTEMPTS = 8  # in all, at one release: where luck is not ruled out by then, more of them would hardly tell

Verdict = Literal["found", "gap", "open", "no change", "unsure"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question and its answer."""

    release: str
    attempt: int
    answer: Answer
    told: str


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What a search found.

    ``found``: `good` and `bad` are neighbours. ``gap``: between them lie only releases that gave no answer (`skipped`).
    ``open``: no release in that direction answered otherwise; the one of `good` and `bad` that is there is the farthest
    that answered. ``no change``: both ends gave the same answer, or one gave none. ``unsure``: a release answered
    differently, or not at all, when it was asked again; or the good one may have been lucky.
    """

    verdict: Verdict
    good: str | None
    bad: str | None
    skipped: tuple[str, ...]
    asked: tuple[Asked, ...]

    @property
    def told(self) -> str:
        """All questions with their answers on one line."""
        return "; ".join(f"{one.release}: {one.answer} ({one.told})" for one in self.asked)


def bisect(releases: Sequence[str], *, good: str, bad: str, ask: Ask) -> Turn:
    """The turn between `good` and `bad`, both of `releases`, which are in order; either may be the older."""
    search = _Search(ask)
    if search.answer(good) is not Answer.GOOD or not search.is_bad_in_the_end(bad):
        return search.result("no change", None, None)
    start, end = releases.index(good), releases.index(bad)
    return _narrow(search, releases[start : end + 1] if start < end else releases[end : start + 1][::-1])


def outward(releases: Sequence[str], *, start: str, step: Literal[1, -1], ask: Ask) -> Turn:
    """The turn beyond a release, in one direction: from good to bad, or from bad to good; or that there is none.

    Halves what is left: going outward in strides that double would cost twice as much where the turn is far.
    """
    search = _Search(ask)
    line = releases[releases.index(start) :] if step == 1 else releases[releases.index(start) :: -1]
    first = search.answer(start)
    if first is Answer.SKIP:
        return search.result("no change", None, None)
    if first is Answer.GOOD:
        return _narrow(search, line, high=len(line))
    return _narrow(search, line[::-1], low=-1)


def _narrow(search: _Search, line: Sequence[str], *, low: int = 0, high: int | None = None) -> Turn:
    """The turn in a line of which `low` is good and `high` bad: its ends; or beyond them, where nothing is asked."""
    high = len(line) - 1 if high is None else high  # the last known good, the first known bad
    while True:
        while (middle := search.middle(line, low, high)) is not None:
            if search.answer(line[middle]) is Answer.GOOD:
                low = middle
            elif search.standing(line[middle]) is Answer.BAD:
                high = middle
        good, bad = (line[place] if 0 <= place < len(line) else None for place in (low, high))
        again = Answer.GOOD if good is None else search.answer(good, attempt=1)
        before = [place for place in range(low) if search.standing(line[place]) is Answer.GOOD]
        if again is Answer.BAD and before:  # good once by chance: the turn is before it
            low, high = max(before), low
            continue
        if again is not Answer.GOOD or not (bad is None or search.is_bad_again(bad)):
            return search.result("unsure", good, bad)
        if good is None or bad is None:
            return search.result("open", good, bad)
        return search.result("found" if high - low == 1 else "gap", good, bad)


class _Search:
    """Remembers every answer, so that no release is asked twice but on purpose."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self.asked: dict[tuple[str, int], Asked] = {}

    def answer(self, release: str, *, attempt: int = 0) -> Answer:
        if (release, attempt) not in self.asked:
            answer, told = self._ask(release, attempt)
            self.asked[release, attempt] = Asked(release=release, attempt=attempt, answer=answer, told=told)
        return self.asked[release, attempt].answer

    def standing(self, release: str) -> Answer | None:
        """What is known of a release from all its answers; None where it was not asked."""
        answers = {one.answer for one in self.asked.values() if one.release == release}
        return next((answer for answer in (Answer.BAD, Answer.GOOD, Answer.SKIP) if answer in answers), None)

    def is_bad_in_the_end(self, release: str) -> bool:
        """Whether a release that is said to be bad is: one that passes may fail at times only, and is asked again."""
        first = self.answer(release)
        if first is not Answer.GOOD:
            return first is Answer.BAD
        return any(self.answer(release, attempt=attempt) is Answer.BAD for attempt in range(1, ATTEMPTS))

    def is_bad_again(self, release: str) -> bool:
        """Whether a bad release is bad again, after it was; where it was at first and is not now, a third one decides.

        It may have passed before it was bad: those answers say no more than that it fails at times.
        """
        told = [one for (name, _), one in self.asked.items() if name == release]
        seen = min(one.attempt for one in told if one.answer is Answer.BAD)
        again = self.answer(release, attempt=seen + 1)
        if again is Answer.GOOD and seen == 0:
            again = self.answer(release, attempt=2)
        return again is Answer.BAD

    def middle(self, line: Sequence[str], low: int, high: int) -> int | None:
        """The middle one of those that have not refused to answer, so that each answer halves what is left to ask."""
        inside = [place for place in range(low + 1, high) if self.standing(line[place]) is not Answer.SKIP]
        return inside[len(inside) // 2] if inside else None

    def result(self, verdict: Verdict, good: str | None, bad: str | None) -> Turn:
        asked = tuple(self.asked.values())
        return Turn(
            verdict=verdict,
            good=good,
            bad=bad,
            skipped=tuple(one.release for one in asked if one.answer is Answer.SKIP and not one.attempt),
            asked=asked,
        )
