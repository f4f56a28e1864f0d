"""What every form shows, prepared once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from asrcompat.model import Cell, Results
from asrcompat.report import expectations, facts, legend
from asrcompat.report.boundaries import Boundaries, boundaries
from asrcompat.report.bounds import Bound, bounds
from asrcompat.report.builds import builds
from asrcompat.report.changed import Changed, changed
from asrcompat.report.claims import Claims, claims
from asrcompat.report.coverage import CoverageView, coverage
from asrcompat.report.dated import Dated, dated
from asrcompat.report.environments import EnvironmentRow, reproduce, rows
from asrcompat.report.failures import failures
from asrcompat.report.findings import Findings, findings
from asrcompat.report.first import First, first
from asrcompat.report.grid import Grid, Section, Target, cell_target
from asrcompat.report.matrix import Matrix, matrix
from asrcompat.report.measurements import measurements
from asrcompat.report.metadata import Lie, lies
from asrcompat.report.parity import parity
from asrcompat.report.reasons import Reason, reasons
from asrcompat.report.remedies import Remedies, remedies
from asrcompat.report.rules import Rule, rules
from asrcompat.report.signatures import Signatures, signatures, titles
from asrcompat.report.table import DeviceTable, tables
from asrcompat.report.where import Key


@dataclass(frozen=True, kw_only=True)
class Legend:
    """What the words and signs mean."""

    key: legend.Lines
    outcomes: legend.Lines
    stages: legend.Lines
    paths: legend.Lines
    states: legend.Lines


@dataclass(frozen=True, kw_only=True)
class EnvironmentView:
    """An environment with the table of its cells."""

    row: EnvironmentRow
    cells: Grid | None


@dataclass(frozen=True, kw_only=True)
class View:
    """Everything the forms show."""

    intro: str
    summary: str
    first: First
    changed: Changed | None
    expectations: tuple[expectations.Expectations, ...]
    missing: tuple[str, ...]
    tables: tuple[DeviceTable, ...]
    matrix: Matrix
    folded: tuple[str, ...]
    reasons: tuple[Reason, ...]
    lies: tuple[Lie, ...]
    bounds: tuple[Bound, ...]
    dated: tuple[Dated, ...]
    coverage: CoverageView | None
    rules: tuple[Rule, ...]
    signatures: Signatures
    boundaries: Boundaries | None
    claims: Claims
    legend: Legend
    builds: Grid | None
    parity: tuple[Section, ...]
    findings: Findings
    remedies: Remedies
    environments: tuple[EnvironmentView, ...]
    example: str
    host: tuple[tuple[str, str], ...]
    comparison: tuple[tuple[str, str], ...]
    targets: Mapping[Key, Target]


_LAST: list[tuple[Results, View]] = []


def view(results: Results) -> View:
    """Prepare `results` for the forms; made once for all forms of one report, which are asked for one by one."""
    if not _LAST or _LAST[0][0] is not results:
        _LAST[:] = [(results, _view(results))]
    return _LAST[0][1]


def _view(results: Results) -> View:
    cells = results.cells
    environments = rows(results.environments, cells)
    numbers = {row.environment.id: row.number for row in environments}
    known = signatures(results, numbers)
    found = findings(cells, numbers)
    cured = remedies(results.remedies, environments)
    told = failures(cells, titles(results))
    to_cell = {cell.key: cell_target(number) for number, cell in enumerate(cells, start=1) if cell.evidence}
    to_failure = {cell.key: failure.target for failure in told for cell in failure.cells}
    drawn, folded = tables(cells, environments, targets={**to_cell, **to_failure}, marks=expectations.marks(results))
    why = reasons(told, cured.verified, numbers, to_cell)
    return View(
        first=first(results, environments, why),
        changed=changed(results, environments, {**to_failure, **to_cell}, titles(results), commands(results)),
        intro=facts.intro(results),
        summary=facts.summary(results),
        expectations=expectations.told(results),
        missing=results.missing,
        tables=drawn,
        matrix=matrix(cells, environments, told, targets={**to_failure, **to_cell}, marks=expectations.marks(results)),
        folded=folded,
        reasons=why,
        lies=lies(environments, cells),
        bounds=bounds(results, known, numbers),
        dated=dated(results, environments),
        coverage=coverage(results, environments),
        rules=rules(results, known, numbers),
        signatures=known,
        boundaries=boundaries(results.boundaries, environments),
        claims=claims(results.claims, environments, to_cell, found.checks, to_failure),
        legend=_legend([cell.path for cell in cells]),
        builds=builds(cells, environments),
        parity=parity(cells, numbers),
        findings=found,
        remedies=cured,
        environments=tuple(_environment(row, cells, to_failure, to_cell) for row in environments),
        example=commands(results)(cells[0]) if cells else "nox -l",
        host=facts.host(results),
        comparison=facts.comparison(results),
        targets={**to_failure, **to_cell},
    )


def commands(results: Results) -> Callable[[Cell], str]:
    """What gives the command for a cell of these results; what a profile covers has no session before it is planned."""
    hosts = {environment.id: environment.host for environment in results.environments}
    planned = results.profile if results.coverage else None
    return partial(reproduce, weights=results.weights, hosts=hosts, planned=planned)


def _legend(paths: list[str]) -> Legend:
    return Legend(
        key=legend.KEY,
        outcomes=legend.outcomes(),
        stages=legend.stages(),
        paths=legend.paths(paths),
        states=legend.states(paths),
    )


def _environment(
    row: EnvironmentRow, cells: tuple[Cell, ...], to_failure: dict[Key, Target], to_cell: dict[Key, Target]
) -> EnvironmentView:
    own = [cell for cell in cells if cell.environment == row.environment.id]
    return EnvironmentView(row=row, cells=measurements(own, to_failure, to_cell))
