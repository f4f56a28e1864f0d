"""Bisection between two locks: which change, of all that differ, broke it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from asrcompat.bisecting import choose
from asrcompat.bisecting.axis import OpenLab, open_laboratory
from asrcompat.bisecting.footprint import Footprint, cache_of_its_own
from asrcompat.bisecting.places import Places
from asrcompat.bisecting.tidy import Tidy
from asrcompat.bisecting.tries import Tries
from asrcompat.errors import ExitCode, UsageError
from asrcompat.explain.bisection.along import LUCK
from asrcompat.explain.bisection.locks import (
    Difference,
    NotALockError,
    differences,
    read_lock,
    smallest_culprit,
)
from asrcompat.explain.bisection.search import ATTEMPTS, Answer
from asrcompat.options import Options
from asrcompat.report.words import plural
from asrcompat.run import host
from asrcompat.run.progress import Progress
from asrcompat.settings import settings_for, sources_for
from asrcompat.spec import request_id


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
        f"first {len(found)} resolutions, one for each change, of some seconds each; then, where one change is to "
        f"blame, about {few} runs; where several are, up to {len(found) ** 2 + 4}, each with a resolution of its own; "
        f"where it fails at times only, what passes is run up to {ATTEMPTS} times"
    )
    settings = settings_for(options, sources, request=None, threads=options.threads or host.usable_cores())
    settings = replace(settings, paths=(asked.path,), devices=(asked.device,), findings={})
    heavy = any(one.name == "torch" for one in found)
    lab = options.work_folder / "lab"
    with Footprint(lab) as footprint, cache_of_its_own(lab / "uv-cache" if heavy else None):
        tidy = Tidy(
            lambda chosen: open_lab(chosen, sources, rules, progress.tell),
            settings,
            places=Places(work=options.work_folder, sources=sources, rules=rules),
            footprint=footprint,
            budget=float(options.disk),
            heavy=heavy,
            ahead=False,
            tell=progress.tell,
        )
        tries = Tries(
            before=before, request=request, question=asked, sources=sources, rules=rules, lab=tidy, progress=progress
        )
        try:
            code = _search(tries, found)
        finally:
            tidy.close()
        print(plural(tidy.installs, "install"))
        if heavy:
            print(f"disk: the laboratory and its cache held {footprint.peak:.1f} GB at the worst moment")
    return code


def _search(tries: Tries, found: tuple[Difference, ...]) -> ExitCode:
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
    unanswered = list(tries.unanswered(culprit))
    failed = [f"{_named(chosen)}: {why}" for chosen, why, ours in unanswered if ours]
    sure = miss <= LUCK and tries.run((), 1)[0] is Answer.GOOD and tries.run(culprit, 1)[0] is Answer.BAD
    if sure and not failed:
        print("breaks:")
    elif sure:
        print("not sure (less of it may break as well: of what was tried, the harness failed on some):")
    else:
        print("not sure (it, or what passed, answered otherwise or not at all, or may have been lucky):")
    for one in culprit:
        print(f"  {one}")
    for text in failed:
        print(f"  not known: whether it breaks with {text}")
    if apart := [f"{_named(chosen)}: {why}" for chosen, why, ours in unanswered if not ours]:
        print(f"  these cannot be told apart any further; there is no environment with {'; nor with '.join(apart)}")
    print(f"  seen: {told}")
    print(f"  the probability that a set of changes that passed fails as often, and was lucky: at most {miss:.2g}")
    rest = [one for one in found if one not in culprit]
    if rest:
        without, seen = tries.surely(rest)
        print(f"  the second lock without {'it' if len(culprit) == 1 else 'them'}: {without} ({seen})")
    runs = sum(answer is not Answer.SKIP for answer, _ in tries.known.values())
    print(f"{runs} runs gave an answer, {len(tries.known) - runs} sets of changes gave none")
    return ExitCode.OK if sure and not failed else ExitCode.UNFINISHED


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


def _environment_of(options: Options, lock: Path) -> str:
    """The environment that a lock is of, by its file's name."""
    name = request_id(lock.stem)
    known = [request.id for request in options.spec.all_environments()]
    if name not in known:
        message = f"--locks {lock}: of which environment this is, its name does not tell; add --environment ID"
        raise UsageError(message)
    return name
