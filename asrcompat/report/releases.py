"""A picture of each package's releases in a line: which were seen to work, which were seen broken, which nobody ran.

A line is drawn for each way to load the checkpoint that uses the package, over all environments, and one for each
search, where nothing but the package moved. A release that both worked and failed hangs on more than itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from asrcompat.explain.when import day
from asrcompat.model import Boundary, Cell, Environment, Outcome, Results
from asrcompat.offered import lacking
from asrcompat.report import words
from asrcompat.report.coverage import uses_axis
from asrcompat.report.environments import TITLED
from asrcompat.report.where import label, path_label

_PYTHON = "python"
_TOLD = {
    "works": (words.SIGNS[Outcome.WORKS], "works"),
    "broken": (words.SIGNS[Outcome.BROKEN], "broken"),
    "unstable": (words.SIGNS[Outcome.UNSTABLE], "mixed"),
    "absent": ("·", "untested"),
}


@dataclass(frozen=True, kw_only=True)
class Stop:
    """A release on a line; `kind` is what it is coloured by, and `count` tells how many ran."""

    kind: str
    count: str = ""

    @property
    def sign(self) -> str:
        """One character for it."""
        return _TOLD[self.kind][0]

    @property
    def word(self) -> str:
        """One word for it."""
        return _TOLD[self.kind][1]


@dataclass(frozen=True, kw_only=True)
class Track:
    """One line: who went along it, with a stop for each release."""

    title: str
    stops: tuple[Stop, ...]


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package with its releases, the oldest first, and its lines."""

    name: str
    releases: tuple[str, ...]
    tracks: tuple[Track, ...]


def package_lines(results: Results, numbers: Mapping[str, int]) -> tuple[Package, ...]:
    """A picture for each package with more than one release to tell of."""
    found = (_package(axis, name, results, numbers) for axis, name in _packages())
    return tuple(one for one in found if len(one.releases) > 1 and one.tracks)


def _packages() -> Iterator[tuple[str, str]]:
    yield _PYTHON, _PYTHON
    for axis, names in TITLED:
        for name in names:
            yield axis, name


def _package(axis: str, name: str, results: Results, numbers: Mapping[str, int]) -> Package:
    environments = {one.id: release for one in results.environments if (release := _release(one, name))}
    searches = [one for one in results.boundaries if one.axis == name and one.environment in numbers]
    searched = {run.release for one in searches for run in one.runs} | {
        each for one in searches for each in one.skipped
    }
    releases = sorted({*environments.values(), *searched, *_passed_over(results, name)}, key=_place)
    seen: dict[str, dict[str, list[Cell]]] = {}
    for cell in results.cells:
        release = environments.get(cell.environment, "")
        if release and uses_axis(cell.path, axis) and lacking(cell) is None:
            seen.setdefault(path_label(cell), {}).setdefault(release, []).append(cell)
    together: dict[tuple[Stop, ...], list[str]] = {}
    for path, cells in seen.items():
        stops = tuple(_stop(cells.get(one, ())) for one in releases)
        if any(stop.kind != "absent" for stop in stops):
            together.setdefault(stops, []).append(path)
    return Package(
        name=name,
        releases=tuple(releases),
        tracks=(
            *_searched(searches, releases, numbers),
            *(Track(title=", ".join(paths), stops=stops) for stops, paths in together.items()),
        ),
    )


def _release(environment: Environment, name: str) -> str:
    if name == _PYTHON:
        return environment.python
    return environment.packages.get(name, "").partition("+")[0]  # whichever build of torch


def _passed_over(results: Results, name: str) -> Iterable[str]:
    """The releases that a plan named and left out."""
    left = words.mapping(words.mapping(words.mapping(results.coverage, "plan"), "passed_over"), name)
    return [str(one) for one in left]


def _place(release: str) -> tuple[Version, str]:
    try:
        return Version(release), release
    except InvalidVersion:
        return Version("0.dev0"), release


def _stop(cells: Sequence[Cell]) -> Stop:
    verdicts = [one.outcome for one in cells if one.outcome in (Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE)]
    if not verdicts:
        return Stop(kind="absent")
    works = verdicts.count(Outcome.WORKS)
    kind = "works" if works == len(verdicts) else "broken" if set(verdicts) == {Outcome.BROKEN} else "unstable"
    at_times = verdicts.count(Outcome.UNSTABLE)
    return Stop(kind=kind, count=f"{works} of {len(verdicts)}{f', {at_times} at times' if at_times else ''}")


def _searched(searches: Sequence[Boundary], releases: Sequence[str], numbers: Mapping[str, int]) -> Iterator[Track]:
    """One line for each environment and path that was searched, whichever way."""
    asked: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for one in searches:
        path = f"{label(one.path, one.device)}{f' passes {one.stage}' if one.stage else ''}"
        when = f" ({seen})" if (seen := day(one.earlier)) else ""
        title = f"search in environment {numbers[one.environment]}{when}, nothing else moved by us: {path}"
        runs = asked.setdefault((title,), {})
        for run in one.runs:
            runs.setdefault(run.release, []).append(run.answer)
    for (title,), runs in asked.items():
        yield Track(title=title, stops=tuple(_answered(runs.get(one, ())) for one in releases))


def _answered(answers: Sequence[str]) -> Stop:
    good, bad = answers.count("good"), answers.count("bad")
    if not good + bad:
        return Stop(kind="absent")
    kind = "unstable" if good and bad else "works" if good else "broken"
    return Stop(kind=kind, count=f"{good} of {good + bad}")
