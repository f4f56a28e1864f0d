"""One `Results` of many environments' results, and the refusal of those that do not belong together.

A single cell that proves nothing becomes an error (`admit`). Results that are mixed up as a whole can't be told in one
report at all, and end the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asrcompat.errors import HarnessError
from asrcompat.model import EnvironmentResult, Results
from asrcompat.report.admit import admit

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

    Verdicts without proof become errors (`admit`). Raises `HarnessError` that names everything refused: foreign or
    doubled environments, cells of another environment, and mixtures of models or weights.
    """
    if not environment_results:
        message = "no environment has a result, so there is nothing to report; run `nox -s matrix` first"
        raise HarnessError(message)
    ordered = sorted(environment_results, key=lambda result: _place(result, planned))
    if problems := [*_mixtures(ordered, planned), *_strays(ordered)]:
        raise HarnessError("\n  ".join(["these results are refused:", *problems]))
    ordered = [admit(result) for result in ordered]
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


def _strays(results: Iterable[EnvironmentResult]) -> Iterator[str]:
    for result in results:
        for cell in result.cells:
            if cell.environment != result.environment.id:
                yield f"{'/'.join(cell.key)}: stands in the result of environment {result.environment.id}"


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
