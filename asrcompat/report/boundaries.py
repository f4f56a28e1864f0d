"""Boundaries, as `asrcompat.model.Results.boundaries` holds them: what was seen to work, and where it ended.

A range that was seen is no promise: every place tells which releases ran, when, and with what else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from asrcompat.explain.when import in_words
from asrcompat.model import Boundary, Outcome
from asrcompat.report import sanitize, words
from asrcompat.report.environments import EnvironmentRow
from asrcompat.report.grid import Entry, Grid, Line, texts
from asrcompat.report.where import label

_COLUMNS = ("environment", "judged by", "ran and passed", "towards older releases", "towards newer releases", "seen")
_REASON = 160
_DIFFERENCES = 8


@dataclass(frozen=True, kw_only=True)
class Boundaries:
    """A line for each package, environment and path that was searched; and what else there is to say of each."""

    grid: Grid
    notes: tuple[str, ...]


def boundaries(found: Sequence[Boundary], environments: Sequence[EnvironmentRow]) -> Boundaries | None:
    """Lay out the boundaries, in the order of the environments; None where there are none."""
    numbers = {row.environment.id: row for row in environments}
    known = [one for one in found if one.environment in numbers]
    if not known:
        return None
    asked: dict[tuple[str, ...], list[Boundary]] = {}
    for one in sorted(known, key=lambda one: numbers[one.environment].number):
        # what was seen on another day, by other code or among other packages, is another line
        when = in_words(one.earlier, numbers[one.environment].environment)
        key = (one.axis, one.environment, label(one.path, one.device), one.stage or "", when)
        asked.setdefault(key, []).append(one)
    lines = tuple(_line(key, of, numbers[key[1]]) for key, of in asked.items())
    notes = (
        f"{package(of[0])} in {numbers[key[1]].number}: {note}" for key, of in asked.items() for note in _notes(of)
    )
    return Boundaries(
        grid=Grid(corner="package", columns=texts(*_COLUMNS), lines=lines), notes=tuple(dict.fromkeys(notes))
    )


def package(one: Boundary) -> str:
    """The package that moved, with those that moved along."""
    return " with ".join([one.axis, ", ".join(one.along)]) if one.along else one.axis


def limit(one: Boundary) -> str:
    """Where it ended in one direction, or why that is not known; and what our own errors hide of it."""
    errors = undecided(one)
    hidden = f"; ended in an error of the harness: {', '.join(errors)}" if errors else ""
    return _limit(one) + hidden


def undecided(one: Boundary) -> list[str]:
    """The releases stepped over of which nothing is known, since the harness failed or lacked something."""
    ours = (Outcome.ERROR, Outcome.UNAVAILABLE)
    return list(dict.fromkeys(run.release for run in one.runs if run.release in one.skipped and run.outcome in ours))


def _limit(one: Boundary) -> str:
    if one.verdict == "found":
        return f"last good {one.last_good}, first bad {one.first_bad}"
    if one.verdict == "gap":
        between = ", ".join(one.gap)
        return f"last good {one.last_good}, first bad {one.first_bad}; between them gave no answer: {between}"
    if one.verdict == "open":
        side, there = ("good", one.last_good) if one.last_good is not None else ("bad", one.first_bad)
        return f"no limit seen: {side} up to {there}, the last that gave an answer, {_times(one, there)}"
    if one.verdict == "unsure":
        those = " or ".join(filter(None, (one.last_good, one.first_bad)))
        lucky = f"; the probability that {one.last_good} was lucky is {one.miss:.2g}" if one.miss else ""
        return f"not sure: {those} answered differently, or not at all, when it was run again, or may be luck{lucky}"
    ends = [f"{run.release}: {run.told if run.answer == 'skip' else run.answer}" for run in one.runs]
    ran = {run.release for run in one.runs}
    ends += [f"{release}: {why}" for release, why in one.skipped.items() if release not in ran]  # refused
    return "nothing to search for: " + "; ".join(dict.fromkeys(ends))


def _times(one: Boundary, release: str | None) -> str:
    answers = sum(run.release == release and run.answer != "skip" for run in one.runs)
    return f"run {words.plural(answers, 'time')}"


def assumed(one: Boundary) -> str:
    """What is taken for granted of releases that were not run; nothing where there are none between those that were."""
    asked = sorted({run.release for run in one.runs} | set(one.skipped), key=_place)
    between = {one.last_good, one.first_bad, *one.gap}  # of these it is known that no other lies among them
    neighbours = one.verdict in ("found", "gap") and between.issuperset(asked)
    if one.verdict == "no change" or neighbours or len(asked) in (0, 1, one.releases):
        return ""
    return (
        f"{len(asked)} releases from {asked[0]} to {asked[-1]} were asked on the way {one.direction}; those between "
        "them that were not are taken to answer as their neighbours did: where there is more than one turn, this is "
        "one of them"
    )


def failing(one: Boundary) -> str:
    """How the first bad release failed."""
    return next((run.told for run in one.runs if run.release == one.first_bad and run.answer == "bad"), "")


def luck(one: Boundary) -> str:
    """How likely it is that the last good release only seemed to be good."""
    if one.miss is None or one.last_good is None:
        return ""
    trials = sum(run.trials.of for run in one.runs if run.release == one.last_good and run.trials is not None)
    return (
        f"{one.last_good} passed {words.plural(trials, 'train-mode step') if trials else 'every run'}; the probability "
        f"that it fails as often as the bad ones did and was lucky is {one.miss:.2g}"
    )


def differing(one: Boundary) -> str:
    """What else is different between last good and first bad."""
    shown = [f"{name} {good} → {bad}" for name, (good, bad) in one.differs.items()]
    more = len(shown) - _DIFFERENCES
    text = ", ".join(shown[:_DIFFERENCES]) + (f" and {more} more" if more > 0 else "")
    return f"from {one.last_good} to {one.first_bad} these changed as well: {text}" if shown else ""


def _line(key: tuple[str, ...], found: Sequence[Boundary], row: EnvironmentRow) -> Line:
    _, _, path, stage, _ = key
    towards = {one.direction: one for one in found}
    days = dict.fromkeys(_seen(one, row) for one in found)
    return Line(
        head=Entry(text=package(found[0])),
        entries=(
            row.entry,
            Entry(text=f"{path} passes {stage}" if stage else path),
            Entry(text=_passed(found), kind="works" if _good(found) else ""),
            *(Entry(text=_side(towards.get(direction))) for direction in ("older", "newer")),
            Entry(text=", ".join(filter(None, days))),
        ),
    )


def _seen(one: Boundary, row: EnvironmentRow) -> str:
    """The day of a search, and what has moved since."""
    told = in_words(one.earlier, row.environment).removeprefix("seen on ")  # the column says "seen"
    return told or (one.found_at or "").partition("T")[0]


def _good(found: Iterable[Boundary]) -> list[str]:
    """The releases that ran and were never bad, the oldest first."""
    runs = [run for one in found for run in one.runs]
    bad = {run.release for run in runs if run.answer == "bad"}
    return sorted({run.release for run in runs if run.answer == "good"} - bad, key=_place)


def _place(release: str) -> Version:
    """What releases are put in order by; what is no version stands first."""
    try:
        return Version(release)
    except InvalidVersion:
        return Version("0.dev0")


def _passed(found: Sequence[Boundary]) -> str:
    return ", ".join(_good(found)) or "none"


def _side(one: Boundary | None) -> str:
    if one is None:
        return "not looked at"
    why = failing(one)
    return limit(one) + (f" ({sanitize.one_line(why, _REASON)})" if why else "")


def _notes(found: Sequence[Boundary]) -> Iterator[str]:
    for one in found:
        yield from filter(None, (luck(one) if one.miss else "", differing(one), assumed(one)))
        skipped: Mapping[str, str] = one.skipped
        yield from (
            f"{release} was stepped over: {sanitize.one_line(told, _REASON)}" for release, told in skipped.items()
        )
