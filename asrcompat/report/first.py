"""The answer first: what to install today, and what is broken where everything is new, by these results alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from asrcompat.advice import MAIN_PATHS, Candidate, Question, answer, seen_in
from asrcompat.advice.candidate import parsed
from asrcompat.advice.lines import Lines
from asrcompat.explain.changed import found_rules
from asrcompat.model import Outcome, Results
from asrcompat.report.environments import EnvironmentRow
from asrcompat.report.grid import Entry, Target
from asrcompat.report.reasons import Cure, Reason
from asrcompat.report.rules import fails_if
from asrcompat.report.where import where

_DEVICE = "cpu"
_AXES = ("torch", "transformers", "s3prl", "espnet")


@dataclass(frozen=True, kw_only=True)
class Install:
    """An environment to install: the paths that were seen to work in it, and the command, from the report's folder."""

    environment: str
    paths: str
    entry: Entry
    versions: str
    lock: str
    command: str


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A failure where everything is new: since which versions, where a rule was found, and what was seen to cure it.

    `seen` is the day since when it is so, of the runs that the report's history holds.
    """

    title: str
    target: Target
    where: str
    since: str
    seen: str
    cures: tuple[Cure, ...]


@dataclass(frozen=True, kw_only=True)
class First:
    """`install` is empty where nothing on the main paths works; `newest` names what the newest environments have."""

    install: tuple[Install, ...]
    newest: str
    broken: tuple[Broken, ...]


def first(results: Results, rows: Sequence[EnvironmentRow], reasons: Sequence[Reason]) -> First:
    """What a person wants to know before anything else."""
    numbered = {row.environment.id: row for row in rows}
    candidates = [one for one in seen_in(results, ".") if one.environment.as_of is None]
    top = newest(candidates)
    return First(
        install=tuple(_installs(candidates, numbered)),
        newest=_told(top, numbered),
        broken=tuple(_broken({one.environment.id for one in top}, numbered, reasons, results)),
    )


def _installs(candidates: Sequence[Candidate], rows: Mapping[str, EnvironmentRow]) -> Iterator[Install]:
    """The newest environment in which all main paths work; without one, the newest for each of them."""
    whole = answer(Question(devices=(_DEVICE,)), candidates).fits[:1]
    chosen = [(", ".join(MAIN_PATHS), fit.candidate) for fit in whole]
    if not chosen:
        each = {path: answer(Question(paths=(path,), devices=(_DEVICE,)), candidates).fits[:1] for path in MAIN_PATHS}
        chosen = [(path, fit.candidate) for path, fits in each.items() for fit in fits]
    for paths, one in chosen:
        row = rows[one.environment.id]
        yield Install(
            environment=one.environment.id,
            paths=paths,
            entry=row.entry,
            versions=row.short,
            lock=one.environment.lock or "",
            command=one.install(one.environment.lock or ""),
        )


def newest(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The environments that have the newest tested release on most axes, of what was released until today."""
    today = [one for one in candidates if one.environment.as_of is None]
    lines = Lines(today)
    counted = [(sum(map(bool, _news(one, lines).values())), one) for one in today]
    most = max((count for count, _ in counted), default=0)
    return [one for count, one in counted if count == most]


def _news(one: Candidate, lines: Lines) -> dict[str, str]:
    """By axis the release of an environment, where it is the newest of its distribution."""
    found = {}
    for axis in _AXES:
        there = one.axis(axis)
        if there is not None and parsed(there[1]) == lines.newest(axis, there[0]):
            found[axis] = " ".join(there)
    return found


def _told(newest: Sequence[Candidate], rows: Mapping[str, EnvironmentRow]) -> str:
    """What the newest environments have in common of it, and their numbers; nothing where there are none."""
    if not newest:
        return ""
    numbers = ", ".join(str(rows[one.environment.id].number) for one in newest)
    return f"{shared(newest)} (environment{'s' if len(newest) > 1 else ''} {numbers})"


def shared(environments: Sequence[Candidate]) -> str:
    """The releases that all of these have."""
    found = (environments[0].axis(axis) for axis in _AXES) if environments else ()
    return ", ".join(
        " ".join(one)
        for axis, one in zip(_AXES, found, strict=False)
        if one is not None and all(other.axis(axis) == one for other in environments)
    )


def _broken(
    newest: set[str], rows: Mapping[str, EnvironmentRow], reasons: Sequence[Reason], results: Results
) -> Iterator[Broken]:
    numbers = {name: row.number for name, row in rows.items()}
    for reason in reasons:
        failure = reason.failure
        cells = [
            cell
            for cell in failure.cells
            if cell.environment in newest
            and cell.path in MAIN_PATHS
            and cell.device == _DEVICE
            and cell.outcome in (Outcome.BROKEN, Outcome.UNSTABLE)
        ]
        if cells:
            since = dict.fromkeys(fails_if(rule) for cell in cells for rule in found_rules(results, cell))
            yield Broken(
                title=failure.title,
                target=failure.target,
                where=where([cell.key for cell in cells], numbers),
                since="; ".join(since),
                seen=min((cell.since for cell in cells if cell.since), default="").partition("T")[0],
                cures=reason.cures,
            )
