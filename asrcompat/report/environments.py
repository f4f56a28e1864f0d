"""Environments as rows: the versions people look for first, and everything else that was installed or measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from asrcompat.model import Cell, Device, Environment, Outcome
from asrcompat.report import words
from asrcompat.spec import request_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asrcompat.model import Weights

# A column's title and the distributions that may fill it; a distribution that is not the title's is named in the cell.
COLUMNS = (
    ("torch", ("torch",)),
    ("torchaudio", ("torchaudio",)),
    ("s3prl", ("s3prl", "espnet-s3prl")),
    ("espnet", ("espnet",)),
    ("transformers", ("transformers",)),
)
TITLES = ("Python", *(title for title, _ in COLUMNS))


@dataclass(frozen=True, kw_only=True)
class EnvironmentRow:
    """One environment, numbered in the plan's order; `found` is a distribution and its version under each title."""

    number: int
    environment: Environment
    found: tuple[tuple[str, str], ...]
    works: int
    ran: int

    @property
    def anchor(self) -> str:
        """Where links to this environment lead."""
        return f"environment-{self.number}"

    @property
    def versions(self) -> tuple[str, ...]:
        """The texts under `TITLES`: a version, with the distribution's name where the title has another."""
        pairs = zip(TITLES, self.found, strict=True)
        return tuple(version if name == title else f"{name} {version}" for title, (name, version) in pairs)

    @property
    def named(self) -> tuple[str, ...]:
        """The versions, each with its name."""
        return tuple(f"{name} {version}" for name, version in self.found if version)

    @property
    def short(self) -> str:
        """The versions on one line, each with its name."""
        return " · ".join(self.named)

    @property
    def verdict(self) -> str:
        """How many of the cells that ran work."""
        return f"{self.works} of {self.ran} cells" if self.ran else "nothing ran"

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """The three verdicts, and everything else that is known; the torch build says what it was compiled for."""
        environment = self.environment
        shown = {name for _, names in COLUMNS for name in names}
        others = (f"{name} {version}" for name, version in environment.packages.items() if name not in shown)
        times = (f"{stage} {words.seconds(value)}" for stage, value in environment.seconds.items())
        lines = (
            ("declared", ": ".join(filter(None, [environment.declared, environment.declared_reason]))),
            ("installable", environment.installable),
            ("works", self.verdict),
            ("derived from", environment.derived_from or ""),
            ("reason", environment.reason or ""),
            *(("extra pin", pin) for pin in environment.pins),
            ("other packages", ", ".join(others)),
            ("index", environment.index or ""),
            *((f"torch build, {name}", text) for name, text in words.facts(environment.build)),
            ("times", ", ".join(times)),
            ("run", _run(environment)),
        )
        return tuple((name, text) for name, text in lines if text)


@dataclass(frozen=True, kw_only=True)
class Lie:
    """An environment whose metadata says one thing and whose run said another."""

    row: EnvironmentRow
    text: str


def rows(environments: Sequence[Environment], cells: Sequence[Cell]) -> tuple[EnvironmentRow, ...]:
    """Make rows of the environments, in the order given."""
    return tuple(
        EnvironmentRow(
            number=number,
            environment=environment,
            found=_found(environment),
            works=sum(cell.outcome is Outcome.WORKS for cell in _of(environment, cells)),
            ran=sum(
                cell.outcome in (Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE) for cell in _of(environment, cells)
            ),
        )
        for number, environment in enumerate(environments, start=1)
    )


def lies(environment_rows: Sequence[EnvironmentRow], cells: Sequence[Cell]) -> tuple[Lie, ...]:
    """Where declared metadata and the run disagree, in either direction."""
    return tuple(
        Lie(row=row, text=text) for row in environment_rows for text in [_lie(row, _of(row.environment, cells))] if text
    )


def _lie(row: EnvironmentRow, cells: Sequence[Cell]) -> str:
    bad = [cell for cell in cells if cell.outcome in (Outcome.BROKEN, Outcome.UNSTABLE)]
    if row.environment.declared == "ok" and bad:
        return "declared ok, but " + ", ".join(f"{path_label(cell)} {words.cell_label(cell)}" for cell in bad)
    if row.environment.declared == "conflict" and row.works:
        return f"declared a conflict, but works in {words.plural(row.works, 'cell')}"
    return ""


def path_label(cell: Cell) -> str:
    """Name the path, with its device where that is not the CPU."""
    return cell.path if cell.device is Device.CPU else f"{cell.path} ({cell.device})"


def reproduce(cell: Cell, *, weights: Weights) -> str:
    """Give the one command that runs this cell again; sessions are named by the request, without torch's build."""
    session = request_id(cell.environment)
    return f'nox -s "{session}" -- --weights {weights} --paths {cell.path} --devices {cell.device}'


def _of(environment: Environment, cells: Sequence[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.environment == environment.id]


def _run(environment: Environment) -> str:
    by = f"by commit {environment.commit}" if environment.commit else ""
    return " ".join(filter(None, [environment.ran_at, by]))


def _found(environment: Environment) -> tuple[tuple[str, str], ...]:
    return (("Python", environment.python), *(_version(environment, title, names) for title, names in COLUMNS))


def _version(environment: Environment, title: str, names: Sequence[str]) -> tuple[str, str]:
    name = next((name for name in names if name in environment.packages), title)
    version = environment.packages.get(name, "")
    if name == "torch" and version and environment.torch_build:
        # The build is told once: `2.6.0 (cu124)`, however the version is spelt.
        version = f"{version.removesuffix('+' + environment.torch_build)} ({environment.torch_build})"
    return (name, version)
