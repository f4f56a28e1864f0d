"""A turn of which the last good release may have been lucky: run again until that is ruled out, or the turn moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from asrcompat.explain.bisection.along import LUCK, Releases
from asrcompat.explain.bisection.judge import chance_of_a_miss
from asrcompat.explain.bisection.search import ATTEMPTS, Answer, Asked, Turn, bisect
from asrcompat.model import Stage


def surer(turn: Turn, releases: Releases, line: Sequence[str], *, stage: Stage | None) -> Turn:
    """The same turn, with the last good release run until luck is ruled out, or for as long as is reasonable.

    That takes no further run where the bad releases failed always. Where one of these runs is bad, the turn lies before
    that release: it is looked for from there to the next good one. Not sure where there is none, nor where luck is not
    ruled out by then.
    """
    while turn.verdict in ("found", "gap") and turn.good is not None:
        turn, answer = _again(turn, releases, stage=stage)
        if answer is not Answer.BAD:
            break
        earlier = _earlier(turn, line)
        if earlier is None:
            return replace(turn, verdict="unsure")
        # what was asked before is known, and costs nothing
        resumed = bisect(line, good=earlier, bad=str(turn.good), ask=releases.ask)
        turn = replace(
            resumed,
            skipped=tuple(dict.fromkeys((*turn.skipped, *resumed.skipped))),
            asked=tuple({(one.release, one.attempt): one for one in (*turn.asked, *resumed.asked)}.values()),
        )
    return turn


def _again(turn: Turn, releases: Releases, *, stage: Stage | None) -> tuple[Turn, Answer]:
    """The turn with its good release run again, and the answer that ended this: the first that is not good, if any."""
    good, asked = str(turn.good), list(turn.asked)
    for attempt in range(2, ATTEMPTS + 1):
        of_turn = {(one.release, one.attempt) for one in asked}
        runs = [run for key, run in releases.runs.items() if key in of_turn]
        if (chance_of_a_miss(good, runs, stage=stage) or 0) <= LUCK:
            return replace(turn, asked=tuple(asked)), Answer.GOOD
        if attempt == ATTEMPTS:
            break
        answer, told = releases.ask(good, attempt)
        asked.append(Asked(release=good, attempt=attempt, answer=answer, told=told))
        if answer is not Answer.GOOD:
            return replace(turn, verdict="unsure", asked=tuple(asked)), answer
    return replace(turn, verdict="unsure", asked=tuple(asked)), Answer.GOOD


def _earlier(turn: Turn, line: Sequence[str]) -> str | None:
    """The nearest release before the turn's good one, seen from its bad one, that was good whenever it was asked."""
    answers: dict[str, set[Answer]] = {}
    for one in turn.asked:
        answers.setdefault(one.release, set()).add(one.answer)
    good, bad = line.index(str(turn.good)), line.index(str(turn.bad))
    before = line[:good][::-1] if good < bad else line[good + 1 :]
    return next(
        (one for one in before if Answer.GOOD in (seen := answers.get(one, set())) and Answer.BAD not in seen), None
    )
