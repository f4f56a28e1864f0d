"""Environments: the versions people look for first, and everything else that was installed or measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asrcompat.model import Cell, Environment, Outcome
from asrcompat.offered import lacking
from asrcompat.report import words
from asrcompat.report.grid import Entry, Line, Target, environment_target, texts
from asrcompat.report.sanitize import one_line
from asrcompat.spec import request_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asrcompat.model import Weights

# A title and the distributions that may stand under it; one that is not the title's is named beside its version.
TITLED = (
    ("torch", ("torch",)),
    ("torchaudio", ("torchaudio",)),
    ("s3prl", ("s3prl", "espnet-s3prl")),
    ("espnet", ("espnet",)),
    ("transformers", ("transformers",)),
    ("fairseq", ("fairseq",)),
)
TITLES = ("Python", *(title for title, _ in TITLED))
_OPTIONAL = ("fairseq",)
_IN_PLACE = ", in place of what packages ask for"  # of an override; the environment's own facts say it


@dataclass(frozen=True, kw_only=True)
class EnvironmentRow:
    """One environment, numbered in the plan's order; `found` is a distribution and its version under each title.

    `works` and `ran` count the cells of paths that it offers, `lacking` those of other paths.
    `origin` is the number of the environment that it was derived from, or that one's name where it has no number.
    """

    number: int
    environment: Environment
    found: tuple[tuple[str, str], ...]
    works: int
    ran: int
    lacking: int = 0
    origin: str = ""

    @property
    def anchor(self) -> str:
        """Where links to this environment lead."""
        return self.target.anchor

    @property
    def target(self) -> Target:
        """A link to this environment."""
        return environment_target(self.number)

    @property
    def entry(self) -> Entry:
        """The number, as the head of a column."""
        return Entry(text=str(self.number), target=self.target)

    @property
    def versions(self) -> tuple[str, ...]:
        """The texts under `TITLES`: a version, with the distribution's name where the title has another."""
        pairs = zip(TITLES, self.found, strict=True)
        return tuple(version if name == title else f"{name} {version}" for title, (name, version) in pairs)

    @property
    def also(self) -> str:
        """What was asked for besides the versions under the titles: without it, columns may look the same."""
        dated = [] if self.environment.as_of is None else [f"as of {self.environment.as_of}"]
        return ", ".join([*self._others, *(pin.removesuffix(_IN_PLACE) for pin in self.environment.pins), *dated])

    @property
    def _others(self) -> tuple[str, ...]:
        shown = {name for _, names in TITLED for name in names}
        return tuple(f"{name} {version}" for name, version in self.environment.packages.items() if name not in shown)

    @property
    def short(self) -> str:
        """The versions on one line, each with its name."""
        return " · ".join(f"{name} {version}" for name, version in self.found if version)

    @property
    def host(self) -> str:
        """Of an environment that somebody had already: where it is, and when it was probed."""
        host = self.environment.host or ""
        day = (self.environment.ran_at or "").partition("T")[0]
        return ", ".join(filter(None, [host, day])) if host else ""

    @property
    def verdict(self) -> str:
        """How many of the cells that ran work; a path that is not offered is no path that does not work."""
        told = f"{self.works} of {self.ran} cells" if self.ran else "nothing ran"
        return f"{told} ({self.lacking} not offered)" if self.lacking else told

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """The three verdicts, and everything else that is known; the torch build says what it was compiled for."""
        environment = self.environment
        unaided = ", ".join(f"{name} {version}" for name, version in environment.unaided.items())
        times = (f"{stage} {words.seconds(value)}" for stage, value in environment.seconds.items())
        lines = (
            ("probed where it was found, on host", environment.host or ""),
            ("declared", ": ".join(filter(None, [environment.declared, environment.declared_reason]))),
            ("installable", environment.installable),
            ("works", self.verdict),
            ("derived from", environment.derived_from or ""),
            ("reason", environment.reason or ""),
            *(("extra pin", pin) for pin in environment.pins),
            ("without the pins a resolver takes", unaided),
            ("as the index stood on", environment.as_of or ""),
            ("other packages", ", ".join(self._others)),
            ("index", environment.index or ""),
            *((f"torch build, {name}", text) for name, text in words.facts(environment.build, without=("threads",))),
            ("probe threads", words.text(environment.build, "threads")),  # of results from before a cell told its own
            ("times", ", ".join(times)),
            ("run", _run(environment)),
        )
        return tuple((name, text) for name, text in lines if text)


def rows(environments: Sequence[Environment], cells: Sequence[Cell]) -> tuple[EnvironmentRow, ...]:
    """Number the environments, in the order given."""
    numbers = {environment.id: str(number) for number, environment in enumerate(environments, start=1)}
    counted = (Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE)
    return tuple(
        EnvironmentRow(
            number=number,
            environment=environment,
            found=_found(environment),
            works=sum(cell.outcome is Outcome.WORKS for cell in _of(environment, cells)),
            ran=sum(cell.outcome in counted and lacking(cell) is None for cell in _of(environment, cells)),
            lacking=sum(lacking(cell) is not None for cell in _of(environment, cells)),
            origin=numbers.get(environment.derived_from or "", environment.derived_from or ""),
        )
        for number, environment in enumerate(environments, start=1)
    )


def version_lines(environment_rows: Sequence[EnvironmentRow]) -> tuple[Line, ...]:
    """Give what tells the environments apart, as lines above a table whose columns they are."""
    by_title = zip(TITLES, zip(*(row.versions for row in environment_rows), strict=True), strict=False)
    lines = [(title, values) for title, values in by_title if title not in _OPTIONAL or any(values)]
    lines.append(("also", tuple(row.also for row in environment_rows)))
    lines.append(("derived from", tuple(row.origin for row in environment_rows)))
    lines.append(("host", tuple(row.host for row in environment_rows)))
    shown = [(title, values) for title, values in lines if title in TITLES or any(values)]
    return tuple(Line(head=Entry(text=title), entries=texts(*values), quiet=True) for title, values in shown)


def reproduce(cell: Cell, *, weights: Weights, hosts: Mapping[str, str | None], planned: str | None = None) -> str:
    """Give the one command that runs this cell again; `hosts` are those of environments that were probed as found.

    Sessions are named by the request, without torch's build. Those of a profile that is `planned` are there once it
    was: then there are two commands, a line each, and what is found counts for that profile's report.
    """
    choice = f"--weights {weights} --paths {cell.path} --devices {cell.device}"
    if host := hosts.get(cell.environment):
        return f"asrcompat doctor {choice}  # with --python, on {one_line(host)}"
    if planned is None:
        return f'nox -s "{request_id(cell.environment)}" -- {choice}'
    profile = f"--profile {planned}"
    return f'nox -s plan -- {profile}\nnox -s "{request_id(cell.environment)}" -- {profile} {choice}'


def _of(environment: Environment, cells: Sequence[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.environment == environment.id]


def _run(environment: Environment) -> str:
    by = f"by commit {environment.commit}" if environment.commit else ""
    return " ".join(filter(None, [environment.ran_at, by]))


def _found(environment: Environment) -> tuple[tuple[str, str], ...]:
    return (("Python", environment.python), *(_version(environment, title, names) for title, names in TITLED))


def _version(environment: Environment, title: str, names: Sequence[str]) -> tuple[str, str]:
    name = next((name for name in names if name in environment.packages), title)
    version = environment.packages.get(name, "")
    if name == "torch" and version and environment.torch_build:
        # The build is told once: `2.6.0 (cu124)`, however the version is spelt.
        version = f"{version.removesuffix('+' + environment.torch_build)} ({environment.torch_build})"
    return (name, version)
