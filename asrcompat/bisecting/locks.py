"""Bisection between two locks: which change, of all that differ, broke it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from asrcompat.answering import answer as as_json
from asrcompat.bisecting import choose
from asrcompat.bisecting.asof import AsOf
from asrcompat.bisecting.bench import OpenLab, bench, open_laboratory
from asrcompat.bisecting.tries import Tries
from asrcompat.errors import ExitCode, UsageError
from asrcompat.explain.bisection.along import LUCK
from asrcompat.explain.bisection.locks import (
    Difference,
    NotALockError,
    differences,
    other_builds,
    read_lock,
    smallest_culprit,
    without_builds,
)
from asrcompat.explain.bisection.search import ATTEMPTS, Answer
from asrcompat.options import Options
from asrcompat.printable import printable
from asrcompat.report.words import plural
from asrcompat.run.progress import Progress
from asrcompat.settings import sources_for
from asrcompat.spec import request_id


def between_locks(options: Options, good: Path, bad: Path, *, open_lab: OpenLab = open_laboratory) -> ExitCode:
    """Find the smallest set of changes from the good lock to the bad one that breaks, and tell it."""
    built_before, built_after = _read(good), _read(bad)
    builds = ", ".join(other_builds(built_before, built_after))
    before, after = without_builds(built_before), without_builds(built_after)
    if options.base is None:
        options = replace(options, base=_environment_of(options, good, bad))
    found = differences(before, after)
    if not found:
        but = f" but for builds ({builds}), of which the index takes its own: see --torch-index" if builds else ""
        message = f"--locks: {good.name} and {bad.name} name the same versions{but}; there is nothing between them"
        raise UsageError(message)
    request, _ = choose.environment(options)
    asked = choose.question(options, request)
    progress = Progress(quiet=options.quiet)
    asof = AsOf(sources_for(replace(options, devices=(asked.device,))))
    progress.tell(
        f"{len(found)} changes from {good.name} to {bad.name}: after which of them is it not so that {asked.told}?"
    )
    if builds:
        progress.tell(f"builds are not compared, since the index takes its own: {builds}")
    few = 2 * len(found).bit_length() + 4
    progress.tell(
        f"first {len(found)} resolutions, one for each change, of some seconds each; then, where one change is to "
        f"blame, about {few} runs; where several are, up to {len(found) ** 2 + 4}, each with a resolution of its own; "
        f"where it fails at times only, what passes is run up to {ATTEMPTS} times"
    )
    heavy = any(one.name == "torch" for one in found)
    with (
        progress.showing(),
        bench(
            options, asked, asof, heavy=heavy, ahead=False, returns=False, open_lab=open_lab, tell=progress.tell
        ) as made,
    ):
        rules = tuple(options.spec.pins)
        breaks: list[str] = []
        code = _search(
            Tries(
                before=before,
                request=request,
                question=asked,
                asof=asof,
                rules=rules,
                lab=made.tidy,
                progress=progress,
            ),
            found,
            breaks=breaks.append,
        )
    if options.json:
        as_json({"schema": 1, "good": good.name, "bad": bad.name, "sure": code == ExitCode.OK, "breaks": breaks})
    print(plural(made.tidy.installs, "install"))
    if heavy:
        _say(f"disk: the laboratory and its cache held {made.footprint.peak:.1f} GB at the worst moment")
    return code


def _say(text: str) -> None:
    """Print a line, which may hold what packages said."""
    print(printable(text))


def _search(tries: Tries, found: tuple[Difference, ...], *, breaks: Callable[[str], None] = lambda _: None) -> ExitCode:
    """Tell the changes that break; `breaks` gets each of them too, and none where there was nothing to search for."""
    ends: tuple[tuple[Callable[[], tuple[Answer, str]], Answer, str], ...] = (
        (lambda: tries.run(()), Answer.GOOD, "first"),
        (lambda: tries.in_the_end(found), Answer.BAD, "second"),  # up to eight runs: not where the first is bad already
    )
    for run, wanted, name in ends:
        answer, told = run()
        if answer is not wanted:
            _say(f"nothing to search for: the {name} lock is {answer}, not {wanted}: {told}")
            return ExitCode.UNFINISHED
    answer, told = tries.surely(())  # how often the second lock fails is known by now
    if answer is not Answer.GOOD:
        _say(f"nothing to search for: the first lock is {answer} when it is run again: {told}")
        return ExitCode.UNFINISHED
    culprit = _culprit(tries, found)
    _, told = tries.surely(culprit)
    miss = tries.miss(tries.passed)
    unanswered = list(tries.unanswered(culprit))
    failed = [f"{_named(chosen)}: {why}" for chosen, why, ours in unanswered if ours]
    first = tries.run((), 1)[0] is Answer.GOOD and () in tries.passed
    sure = miss <= LUCK and first and tries.breaks_again(culprit)
    if sure and not failed:
        print("breaks:")
    elif sure:
        print("not sure (less of it may break as well: of what was tried, the harness failed on some):")
    else:
        print("not sure (it, or what passed, answered otherwise or not at all, or may have been lucky):")
    for one in culprit:
        _say(f"  {one}")
        breaks(str(one))
    for text in failed:
        _say(f"  not known: whether it breaks with {text}")
    if apart := [f"{_named(chosen)}: {why}" for chosen, why, ours in unanswered if not ours]:
        _say(f"  these cannot be told apart any further; there is no environment with {'; nor with '.join(apart)}")
    _say(f"  seen: {told}")
    _say(f"  the probability that a set of changes that passed fails as often, and was lucky: at most {miss:.2g}")
    rest = [one for one in found if one not in culprit]
    if rest:
        without, seen = tries.surely(rest)
        _say(f"  the second lock without {'it' if len(culprit) == 1 else 'them'}: {without} ({seen})")
    runs = sum(answer is not Answer.SKIP for answer, _ in tries.known.values())
    _say(f"{runs} runs gave an answer, {len(tries.known) - runs} sets of changes gave none")
    return ExitCode.OK if sure and not failed else ExitCode.UNFINISHED


def _culprit(tries: Tries, found: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """The changes that break, run again, after what passed has passed as often as it takes.

    A further run may tell that something fails less often than was thought: what passed then has to pass more often. Or
    something that passed breaks: then less may be to blame, and the search is made again, of which most is known.
    """
    while True:
        culprit = smallest_culprit(found, try_set=lambda chosen: tries.surely(chosen)[0], resolves=tries.resolves)
        tries.run((), 1)
        tries.breaks_again(culprit)
        tries.surely([one for one in found if one not in culprit])
        passed = set(map(frozenset, tries.passed))
        for chosen in tries.passed:
            tries.surely(chosen)
        if passed == set(map(frozenset, tries.passed)):
            return culprit


def _named(chosen: Iterable[Difference]) -> str:
    return f"{', '.join(map(str, chosen))} alone"


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


def _environment_of(options: Options, good: Path, bad: Path) -> str:
    """The environment that the good lock is of, by its file's name: both locks are to be installed in it.

    What differs between two Pythons is no change of packages, and a lock of the one may not install on the other.
    """
    known = {request.id: request for request in options.spec.all_environments()}
    name, other = request_id(good.stem), request_id(bad.stem)
    if name not in known:
        message = f"--locks {good}: of which environment this is, its name does not tell; add --environment ID"
        raise UsageError(message)
    if other in known and known[other].python != known[name].python:
        message = (
            f"--locks: {good.name} is of Python {known[name].python} and {bad.name} of Python {known[other].python}; "
            "name two locks of one Python, or with --environment ID the one that both are to be installed in"
        )
        raise UsageError(message)
    return name
