"""The first of two locks with some of the changes to the second applied: resolved, run, and remembered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from asrcompat.bisecting.asof import AsOf
from asrcompat.bisecting.tidy import Tidy
from asrcompat.explain.bisection.along import LUCK
from asrcompat.explain.bisection.judge import Question, chance_of_a_miss, judge, standing
from asrcompat.explain.bisection.locks import (
    Difference,
    as_changes,
    differences,
    read_lock,
    with_changes,
    without_builds,
)
from asrcompat.explain.bisection.search import ATTEMPTS, Answer
from asrcompat.lab.variant import variant
from asrcompat.model import BoundaryRun, Outcome
from asrcompat.plan.prepare import prepare
from asrcompat.run.lock import Lock
from asrcompat.run.progress import Progress
from asrcompat.run.session import Locked
from asrcompat.spec import PinRule, Request

OURS = (Outcome.ERROR, Outcome.UNAVAILABLE)  # these say nothing of the packages


@dataclass(frozen=True, kw_only=True)
class NoLock:
    """Why a set of changes has no lock; `ours` where that says nothing of the set: the index did not answer, say."""

    told: str
    ours: bool = False


@dataclass(frozen=True, kw_only=True)
class Tries:
    """Runs the first lock with some of the differences applied, each set of them once an attempt."""

    before: dict[str, str]
    request: Request
    question: Question
    asof: AsOf
    rules: tuple[PinRule, ...]
    lab: Tidy
    progress: Progress
    known: dict[tuple[frozenset[Difference], int], tuple[Answer, str]] = field(default_factory=dict)
    runs: list[BoundaryRun] = field(default_factory=list)
    locks: dict[frozenset[Difference], Lock | NoLock] = field(default_factory=dict)

    def run(self, chosen: Sequence[Difference], attempt: int = 0) -> tuple[Answer, str]:
        """Whether it works with these, and what was seen; no answer where they do not resolve without others."""
        key = (frozenset(chosen), attempt)
        if key not in self.known:
            self.known[key] = self._run(chosen, attempt)
            answer, told = self.known[key]
            named = ", ".join(map(str, chosen[:4])) + (f" and {len(chosen) - 4} more" if len(chosen) > 4 else "")  # noqa: PLR2004
            self.progress.tell(f"with {named or 'none of the changes'}: {answer}: {told}")
        return self.known[key]

    def surely(self, chosen: Sequence[Difference]) -> tuple[Answer, str]:
        """As `run`, a set that passes run until luck is ruled out, or for as long as is reasonable; bad once is bad."""
        if (broke := self._broke(chosen)) is not None:
            return Answer.BAD, broke[1]
        answer, told = self.run(chosen)
        for attempt in range(1, ATTEMPTS):
            if answer is not Answer.GOOD or self.miss([chosen]) <= LUCK:
                break
            again, seen = self.run(chosen, attempt)
            if again is Answer.BAD:
                answer, told = again, seen
        return answer, told

    def in_the_end(self, chosen: Sequence[Difference]) -> tuple[Answer, str]:
        """As `run`, a set that is said to break run again where it passes: it may fail at times only."""
        answer, told = self.run(chosen)
        for attempt in range(1, ATTEMPTS):
            if answer is not Answer.GOOD:
                break
            again, seen = self.run(chosen, attempt)
            if again is Answer.BAD:
                answer, told = again, seen
        return answer, told

    def breaks_again(self, chosen: Sequence[Difference]) -> bool:
        """Whether a set that broke does so in the run after that."""
        broke = self._broke(chosen)
        return broke is not None and self.run(chosen, broke[0] + 1)[0] is Answer.BAD

    def miss(self, sets: Iterable[Sequence[Difference]]) -> float:
        """The probability that the luckiest of these sets, which passed, fails as often as those that break."""
        named = [_name(chosen) for chosen in sets]
        return max((chance_of_a_miss(name, self.runs, stage=self.question.stage) or 0 for name in named), default=0.0)

    @property
    def passed(self) -> list[tuple[Difference, ...]]:
        """The sets that were never seen to break."""
        answers: dict[frozenset[Difference], set[Answer]] = {}
        for (chosen, _), (answer, _) in self.known.items():
            answers.setdefault(chosen, set()).add(answer)
        return [tuple(chosen) for chosen, seen in answers.items() if Answer.GOOD in seen and Answer.BAD not in seen]

    def unanswered(self, culprit: Sequence[Difference]) -> Iterator[tuple[tuple[Difference, ...], str, bool]]:
        """The sets within one that breaks of which it is not known whether they do; and whether that is our fault.

        Where it is not, they do not resolve or install: what breaks cannot be told apart any further.
        """
        inside = {chosen for chosen, _ in self.known if chosen and chosen < frozenset(culprit)}
        for chosen in sorted(inside, key=lambda one: (len(one), _name(one))):
            answers = {answer: told for (tried, _), (answer, told) in self.known.items() if tried == chosen}
            if set(answers) != {Answer.SKIP}:
                continue
            resolved = self._resolved(tuple(chosen))
            failed = any(run.outcome in OURS for run in self.runs if run.release == _name(chosen))
            ours = resolved.ours if isinstance(resolved, NoLock) else failed
            yield tuple(sorted(chosen, key=str)), answers[Answer.SKIP], ours

    def resolves(self, chosen: Sequence[Difference]) -> bool:
        """Whether these versions, and no others, are a solution of what the packages ask for."""
        return isinstance(self._resolved(chosen), Lock)

    def _broke(self, chosen: Sequence[Difference]) -> tuple[int, str] | None:
        """The first attempt that is known to have been bad, and what was seen."""
        bad = [
            (attempt, told)
            for (tried, attempt), (answer, told) in self.known.items()
            if tried == frozenset(chosen) and answer is Answer.BAD
        ]
        return min(bad, default=None)

    def _run(self, chosen: Sequence[Difference], attempt: int) -> tuple[Answer, str]:
        resolved = self._resolved(chosen)
        if isinstance(resolved, NoLock):
            return Answer.SKIP, resolved.told
        changes = as_changes(with_changes(self.before, chosen))
        result = self.lab.run(self.request, changes, attempt=attempt)
        run = standing(judge(result, self.question, release=_name(chosen), attempt=attempt), self.runs)
        self.runs.append(run)
        self.lab.done(result.environment.id, run)
        return Answer(run.answer), run.told

    def _resolved(self, chosen: Sequence[Difference]) -> Lock | NoLock:
        """The lock of exactly these versions, or why there is none."""
        key = frozenset(chosen)
        if key not in self.locks:
            self.locks[key] = self._resolve(chosen)
        return self.locks[key]

    def _resolve(self, chosen: Sequence[Difference]) -> Lock | NoLock:
        wanted = with_changes(self.before, chosen)
        _, source = prepare(variant(self.request, as_changes(wanted), self.rules), self.asof.sources)
        if not isinstance(source, Locked):
            ours = source.outcome is not Outcome.BROKEN
            return NoLock(told=source.message if ours else "does not resolve", ours=ours)
        other = differences(wanted, without_builds(read_lock(source.text)))
        return NoLock(told=f"resolves only with {', '.join(map(str, other[:3]))}") if other else source.lock


def _name(chosen: Iterable[Difference]) -> str:
    """What a set of changes is called among the runs."""
    return ", ".join(sorted(map(str, chosen)))
