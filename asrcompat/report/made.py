"""How the report was made: by what, where and when, and the commands that make it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from asrcompat.model import Environment, Results
from asrcompat.report.facts import harness
from asrcompat.report.grid import Entry, Grid, Line, texts

# The forms that are published with every report, and what each is for.
FILES = (
    ("results.json", "everything that this site tells, for programs; every other form is made of it"),
    ("compatibility.md", "the same as Markdown"),
    ("junit.xml", "the cells as tests, for CI"),
    ("badge.json", "a badge for a README"),
)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command, and what it does."""

    about: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Made:
    """The page's facts, the runs that the environments are of, and the commands."""

    facts: tuple[tuple[str, str], ...]
    runs: Grid
    commands: tuple[Command, ...]


def made(results: Results, example: str) -> Made:
    """Tell how these results came about; `example` is the command of one cell."""
    return Made(
        facts=(
            ("model", results.model),
            ("weights", results.weights),
            ("profile", results.profile),
            ("put together", results.generated_at),
            ("by asrcompat", harness(results)),
        ),
        runs=_runs(results.environments),
        commands=tuple(_commands(results, example)),
    )


def _runs(environments: Sequence[Environment]) -> Grid:
    """By the commit that ran them, in the order of their first run."""
    by_commit: dict[str, list[str]] = {}
    for one in sorted(environments, key=lambda one: one.ran_at or ""):
        by_commit.setdefault(one.commit or "not known", []).append(one.ran_at or "")
    return Grid(
        corner="commit",
        columns=texts("environments", "first ran", "last ran"),
        lines=tuple(
            Line(head=Entry(text=commit), entries=texts(str(len(ran)), ran[0], ran[-1]))
            for commit, ran in by_commit.items()
        ),
    )


def _day(environments: Sequence[Environment]) -> str:
    """The run's day, where all of it was as of one; an environment that is dated by itself needs no option."""
    days = {one.as_of for one in environments}
    (day,) = days if len(days) == 1 else (None,)
    return "" if day is None else f" --as-of {day}"


def _commands(results: Results, example: str) -> Iterator[Command]:
    chosen = f"--profile {results.profile} --weights {results.weights}{_day(results.environments)}"
    paths = ",".join(dict.fromkeys(cell.path for cell in results.cells))
    devices = ",".join(dict.fromkeys(cell.device for cell in results.cells))
    yield Command(
        about="Everything that the profile asks for, in a clone of the repository", text=f"nox -s matrix -- {chosen}"
    )
    if results.cells:
        yield Command(
            about="Where this report is of a part of that, its paths and devices alone",
            text=f"nox -s matrix -- {chosen} --paths {paths} --devices {devices}",
        )
    yield Command(about="One path of one environment on one device", text=example)
    yield Command(about="The forms alone, from the results that there are", text=f"nox -s report -- {chosen}")
