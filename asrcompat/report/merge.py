"""One `Results` of many environments' results, and the refusal of those that prove nothing.

A cell counts only with evidence that it ran, and only where the versions read inside the probe are
those of its environment. A cell that fails this is the harness's fault, or a result file from
somewhere else: it is refused by name, and never shown as a verdict on a package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from asrcompat.errors import HarnessError
from asrcompat.model import Cell, Environment, EnvironmentResult, Outcome, Results, Stage
from asrcompat.report.check import BUILDING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


def merge(
    environment_results: Sequence[EnvironmentResult],
    *,
    profile: str,
    planned: Sequence[str],
    expectations: Mapping[str, Any] | None = None,
) -> Results:
    """Merge into one, environments in the order of `planned` and a derived environment after its origin.

    Raises `HarnessError` that names everything refused: cells without proof, foreign or doubled
    environments, and mixtures of models or weights.
    """
    if not environment_results:
        message = "no environment has a result, so there is nothing to report; run `nox -s matrix` first"
        raise HarnessError(message)
    ordered = sorted(environment_results, key=lambda result: _place(result, planned))
    problems = [*_mixtures(ordered, planned)]
    for result in ordered:
        problems += _refusals(result)
    if problems:
        raise HarnessError("\n  ".join(["these results are refused:", *problems]))
    first = ordered[0]
    present = {result.environment.id for result in ordered}
    return Results(
        schema=1,
        model=first.model,
        weights=first.weights,
        profile=profile,
        generated_at=max(result.generated_at for result in ordered),
        harness=_harness(ordered),
        host=_host(ordered),
        environments=tuple(result.environment for result in ordered),
        cells=tuple(cell for result in ordered for cell in result.cells),
        missing=tuple(identity for identity in planned if identity not in present),
        expectations=dict(expectations or {}),
        weights_comparison=_comparison(ordered),
    )


def disagreements(environment: Environment, versions: Mapping[str, str]) -> Iterator[str]:
    """Where versions read inside a probe are not those of the environment; local parts (``+cpu``) may differ."""
    read = {canonicalize_name(name): version for name, version in versions.items()}
    for name, locked in environment.packages.items():
        found = read.get(canonicalize_name(name))
        if found is None:
            yield f"the probe read no version of {name}, which is locked to {locked}"
        elif _public(found) != _public(locked):
            yield f"the probe read {name} {found}, where {locked} is locked"
    python = read.get(canonicalize_name("python"))
    if python is not None and not f"{python}.".startswith(f"{environment.python}."):
        yield f"the probe ran on Python {python}, where {environment.python} was asked for"


def _place(result: EnvironmentResult, planned: Sequence[str]) -> tuple[int, bool, str]:
    environment = result.environment
    origin = environment.id if environment.id in planned else environment.derived_from
    return (planned.index(origin) if origin in planned else len(planned), origin != environment.id, environment.id)


def _mixtures(results: Sequence[EnvironmentResult], planned: Sequence[str]) -> Iterator[str]:
    for name, values in (
        ("models", [result.model for result in results]),
        ("weights", [result.weights for result in results]),
    ):
        distinct = list(dict.fromkeys(str(value) for value in values))
        if len(distinct) > 1:
            yield f"a mixture of {name}: {', '.join(distinct)}"
    seen: set[str] = set()
    for result in results:
        environment = result.environment
        if environment.id in seen:
            yield f"{environment.id}: two results of one environment"
        seen.add(environment.id)
        if environment.id not in planned and environment.derived_from not in planned:
            yield f"{environment.id}: not an environment of this plan"


def _refusals(result: EnvironmentResult) -> Iterator[str]:
    environment = result.environment
    for cell in result.cells:
        name = "/".join(cell.key)
        if cell.environment != environment.id:
            yield f"{name}: stands in the result of environment {environment.id}"
        elif cell.evidence:
            yield from (f"{name}: {problem}" for problem in disagreements(environment, cell.evidence.versions))
        elif _needs_evidence(cell):
            yield f"{name}: {cell.outcome} without evidence that it ran"


def _needs_evidence(cell: Cell) -> bool:
    stage: Stage | None = cell.failed or cell.stage
    return cell.outcome in (Outcome.WORKS, Outcome.UNSTABLE) or (
        cell.outcome is Outcome.BROKEN and stage not in BUILDING
    )


def _public(version: str) -> Version | str:
    try:
        return Version(Version(version).public)
    except InvalidVersion:
        return version.partition("+")[0]


def _harness(results: Iterable[EnvironmentResult]) -> dict[str, str]:
    """Gather the harness's facts; where runs of several are reported together, all values of a fact are told."""
    values: dict[str, dict[str, None]] = {}
    for result in results:
        for name, value in result.harness.items():
            values.setdefault(name, {})[value] = None
    return {name: ", ".join(distinct) for name, distinct in values.items()}


def _host(results: Sequence[EnvironmentResult]) -> dict[str, Any]:
    """Give the first environment's host, and those that differ under ``others``, each with its environments."""
    first = dict(results[0].host)
    others: list[dict[str, Any]] = []
    for result in results[1:]:
        host = dict(result.host)
        if host == first:
            continue
        known = next(
            (other for other in others if {**other, "environments": None} == {**host, "environments": None}), None
        )
        if known is None:
            others.append({**host, "environments": [result.environment.id]})
        else:
            known["environments"].append(result.environment.id)
    return {**first, "others": others} if others else first


def _comparison(results: Sequence[EnvironmentResult]) -> Mapping[str, Any] | None:
    """Give the comparison of weights, once where all agree, else by environment."""
    given = {result.environment.id: result.weights_comparison for result in results if result.weights_comparison}
    distinct: list[Mapping[str, Any]] = []
    for comparison in given.values():
        if comparison not in distinct:
            distinct.append(comparison)
    return distinct[0] if len(distinct) == 1 else (dict(given) or None)
