"""Where along an ordered line of releases an answer turns: a search that asks as little as it can, and believes no end.

Releases that give no answer (they do not install, or the harness failed) are stepped over and named. Both neighbours of
the turn are asked again before it is believed. One bad answer makes a release bad, whatever it answers another time:
what passes and fails is not good. The line is taken to turn once between the two ends; where it turns more often, one
of the turns is found.

Of the releases that answer, `bisect` asks at most ceil(log2(n)) + 4 times in a line of n, and `outward` at most
2 ceil(log2(d + 1)) + 2 times where the turn is d releases away; a release that answers differently when it is asked
again costs more.
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
    differently, or not at all, when it was asked again.
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
    if search.answer(good) is not Answer.GOOD or search.answer(bad) is not Answer.BAD:
        return search.result("no change", None, None)
    start, end = releases.index(good), releases.index(bad)
    return _narrow(search, releases[start : end + 1] if start < end else releases[end : start + 1][::-1])


def outward(releases: Sequence[str], *, start: str, step: Literal[1, -1], ask: Ask) -> Turn:
    """The nearest turn beyond a release, in one direction: from good to bad, or from bad to good.

    Doubles its stride until something answers otherwise, then bisects.
    """
    search = _Search(ask)
    line = releases[releases.index(start) :] if step == 1 else releases[releases.index(start) :: -1]
    first = search.answer(start)
    if first is Answer.SKIP:
        return search.result("no change", None, None)
    last, stride, end = 0, 1, len(line) - 1
    while last < end:
        probe = reach = min(last + stride, end)
        while (answer := search.answer(line[probe])) is Answer.SKIP and probe < end:
            probe += 1
        if answer is Answer.SKIP:
            end, stride = reach - 1, 1  # nothing from `reach` on answers; what was leapt over may
        elif answer is first:
            last, stride = probe, stride * 2
        else:
            between = line[last : probe + 1]
            return _narrow(search, between if first is Answer.GOOD else between[::-1])
    farthest = (line[last], None) if first is Answer.GOOD else (None, line[last])
    return search.result("open", *farthest)


def _narrow(search: _Search, line: Sequence[str]) -> Turn:
    """The turn in a line whose first release is good and whose last is bad."""
    low, high = 0, len(line) - 1  # the last known good, the first known bad
    while True:
        while (middle := search.middle(line, low, high)) is not None:
            if search.answer(line[middle]) is Answer.GOOD:
                low = middle
            elif search.standing(line[middle]) is Answer.BAD:
                high = middle
        again = search.answer(line[low], attempt=1)
        if again is Answer.BAD and low > 0:  # good once by chance: the turn is before it
            high = low
            low = max(place for place in range(low) if search.standing(line[place]) is Answer.GOOD)
            continue
        sure = again is Answer.GOOD and search.is_bad_again(line[high])
        if not sure:
            return search.result("unsure", line[low], line[high])
        return search.result("found" if high - low == 1 else "gap", line[low], line[high])


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

    def is_bad_again(self, release: str) -> bool:
        """Whether a bad release is bad again; where two answers differ, a third one decides."""
        first, again = self.answer(release), self.answer(release, attempt=1)
        if again is not first and Answer.SKIP not in (first, again):
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
