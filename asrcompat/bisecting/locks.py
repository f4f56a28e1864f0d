"""Bisection between two locks: which change, of all that differ, broke it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from asrcompat.bisecting import choose
from asrcompat.bisecting.axis import OpenLab, open_laboratory
from asrcompat.bisecting.footprint import Footprint, Tidy, cache_of_its_own
from asrcompat.errors import ExitCode, UsageError
from asrcompat.explain.bisection.along import ATTEMPTS, LUCK
from asrcompat.explain.bisection.judge import Question, chance_of_a_miss, judge
from asrcompat.explain.bisection.locks import (
    Difference,
    NotALockError,
    as_changes,
    differences,
    read_lock,
    smallest_culprit,
    with_changes,
)
from asrcompat.explain.bisection.search import Answer
from asrcompat.lab.variant import variant
from asrcompat.model import BoundaryRun, Outcome
from asrcompat.options import Options
from asrcompat.plan.prepare import Sources, prepare
from asrcompat.run import host
from asrcompat.run.lock import Lock
from asrcompat.run.probing import REFERENCE_PATH
from asrcompat.run.progress import Progress
from asrcompat.run.session import Locked
from asrcompat.settings import settings_for, sources_for
from asrcompat.spec import PinRule, Request, request_id


def between_locks(options: Options, good: Path, bad: Path, *, open_lab: OpenLab = open_laboratory) -> ExitCode:
    """Find the smallest set of changes from the good lock to the bad one that breaks, and tell it."""
    before, after = _read(good), _read(bad)
    found = differences(before, after)
    if not found:
        message = f"--locks: {good.name} and {bad.name} name the same versions; there is nothing between them"
        raise UsageError(message)
    options = options if options.base is not None else replace(options, base=_environment_of(options, good))
    request, _ = choose.environment(options)
    asked = choose.question(options, request)
    progress = Progress(quiet=options.quiet)
    rules = tuple(options.spec.pins)
    sources = sources_for(replace(options, devices=(asked.device,)))
    progress.tell(
        f"{len(found)} changes from {good.name} to {bad.name}: after which of them is it not so that {asked.told}?"
    )
    few = 2 * len(found).bit_length() + 4
    progress.tell(
        f"where one change is to blame, about {few} runs; where several are, up to {len(found) ** 2 + 4}; where it "
        f"fails at times only, what passes is run up to {ATTEMPTS} times"
    )
    settings = settings_for(options, sources, request=None, threads=options.threads or host.usable_cores())
    # without the reference path, parity with it would be skipped
    paths = tuple(dict.fromkeys((REFERENCE_PATH, asked.path)))
    settings = replace(settings, paths=paths, devices=(asked.device,), findings={})
    heavy = any(one.name == "torch" for one in found)
    with (
        Footprint(options.work_folder) as footprint,
        cache_of_its_own(options.work_folder / "lab" / "uv-cache" if heavy else None),
    ):
        tidy = Tidy(
            lambda chosen: open_lab(chosen, sources, rules, progress.tell),
            settings,
            footprint=footprint,
            budget=float(options.disk),
            heavy=heavy,
            tell=progress.tell,
        )
        tries = _Tries(
            before=before, request=request, question=asked, sources=sources, rules=rules, lab=tidy, progress=progress
        )
        code = _search(tries, found)
        if heavy:
            tidy.free(())
            print(f"disk: {footprint.peak:.1f} GB less was free at the worst moment than at the start")
    return code


@dataclass(frozen=True, kw_only=True)
class _Tries:
    """Runs the first lock with some of the differences applied, each set of them once an attempt."""

    before: dict[str, str]
    request: Request
    question: Question
    sources: Sources
    rules: tuple[PinRule, ...]
    lab: Tidy
    progress: Progress
    known: dict[tuple[frozenset[Difference], int], tuple[Answer, str]] = field(default_factory=dict)
    runs: list[BoundaryRun] = field(default_factory=list)
    locks: dict[frozenset[Difference], Lock | str] = field(default_factory=dict)

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
        answer, told = self.run(chosen)
        for attempt in range(1, ATTEMPTS):
            if answer is not Answer.GOOD or self.miss([chosen]) <= LUCK:
                break
            again, seen = self.run(chosen, attempt)
            if again is Answer.BAD:
                answer, told = again, seen
        return answer, told

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

    def resolves(self, chosen: Sequence[Difference]) -> bool:
        """Whether these versions, and no others, are a solution of what the packages ask for."""
        return isinstance(self._resolved(chosen), Lock)

    def _run(self, chosen: Sequence[Difference], attempt: int) -> tuple[Answer, str]:
        resolved = self._resolved(chosen)
        if isinstance(resolved, str):
            return Answer.SKIP, resolved
        changes = as_changes(with_changes(self.before, chosen))
        result = self.lab.run(self.request, changes, attempt=attempt)
        run = judge(result, self.question, release=_name(chosen), attempt=attempt)
        earlier = [one for one in self.runs if one.release == run.release]
        if run.answer == "good" and any(one.outcome is Outcome.UNSTABLE for one in earlier):
            run = replace(run, answer="bad", told=f"{run.told} this time, and was unstable before")
        self.runs.append(run)
        self.lab.done(result.environment.id, run, resolved)
        return Answer(run.answer), run.told

    def _resolved(self, chosen: Sequence[Difference]) -> Lock | str:
        """The lock of exactly these versions, or why there is none."""
        key = frozenset(chosen)
        if key not in self.locks:
            self.locks[key] = self._resolve(chosen)
        return self.locks[key]

    def _resolve(self, chosen: Sequence[Difference]) -> Lock | str:
        wanted = with_changes(self.before, chosen)
        _, source = prepare(variant(self.request, as_changes(wanted), self.rules), self.sources)
        if not isinstance(source, Locked):
            return "does not resolve"
        other = differences(wanted, read_lock(source.text))
        return f"resolves only with {', '.join(map(str, other[:3]))}" if other else source.lock


def _search(tries: _Tries, found: tuple[Difference, ...]) -> ExitCode:
    for chosen, wanted, name in (((), Answer.GOOD, "first"), (found, Answer.BAD, "second")):
        answer, told = tries.run(chosen)
        if answer is not wanted:
            print(f"nothing to search for: the {name} lock is {answer}, not {wanted}: {told}")
            return ExitCode.UNFINISHED
    answer, told = tries.surely(())  # how often the second lock fails is known by now
    if answer is not Answer.GOOD:
        print(f"nothing to search for: the first lock is {answer} when it is run again: {told}")
        return ExitCode.UNFINISHED
    culprit = smallest_culprit(found, try_set=lambda chosen: tries.surely(chosen)[0], resolves=tries.resolves)
    _, told = tries.surely(culprit)
    miss = tries.miss(tries.passed)
    sure = miss <= LUCK and tries.run((), 1)[0] is Answer.GOOD and tries.run(culprit, 1)[0] is Answer.BAD
    print(
        "breaks:"
        if sure
        else "not sure (it, or what passed, answered otherwise or not at all, or may have been lucky):"
    )
    for one in culprit:
        print(f"  {one}")
    print(f"  seen: {told}")
    print(f"  the probability that a set of changes that passed fails as often, and was lucky: at most {miss:.2g}")
    rest = [one for one in found if one not in culprit]
    if rest:
        without, seen = tries.surely(rest)
        print(f"  the second lock without {'it' if len(culprit) == 1 else 'them'}: {without} ({seen})")
    runs = sum(answer is not Answer.SKIP for answer, _ in tries.known.values())
    print(f"{runs} runs gave an answer, {len(tries.known) - runs} sets of changes gave none")
    return ExitCode.OK if sure else ExitCode.UNFINISHED


def _name(chosen: Iterable[Difference]) -> str:
    """What a set of changes is called among the runs."""
    return ", ".join(sorted(map(str, chosen)))


def _read(file: Path) -> dict[str, str]:
    try:
        return read_lock(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"--locks {file}: no such file; the locks of a report are in reports/locks"
    except (NotALockError, ValueError) as error:
        message = (
            f"--locks {file}: {error}; a lock has a 'name==version' for every distribution, like reports/locks/*.txt"
        )
    raise UsageError(message)


def _environment_of(options: Options, lock: Path) -> str:
    """The environment that a lock is of, by its file's name."""
    name = request_id(lock.stem)
    known = [request.id for request in options.spec.all_environments()]
    if name not in known:
        message = f"--locks {lock}: of which environment this is, its name does not tell; add --environment ID"
        raise UsageError(message)
    return name
