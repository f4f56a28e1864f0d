"""Whether a run could have shown an explanation to be wrong.

It could not where the explanation leaves open how the run ends, nor where the run leaves alone what it is about.
"""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from asrcompat.explain.rules.conditions import Condition, Kind, Versions
from asrcompat.explain.rules.search import Explanation, Observation
from asrcompat.explain.rules.weight import is_near


def could_refute(run: Observation, explanation: Explanation, before: Sequence[Observation]) -> bool:
    """Whether an explanation of what was seen `before` foretells how the run ends, and otherwise than its base did."""
    return foretold(explanation, run.versions) is not None and any(_crosses(explanation, base, run) for base in before)


def foretold(explanation: Explanation, versions: Versions) -> bool | None:
    """Whether an environment with these versions fails; None between a bound and what was seen beyond it."""
    broken = [
        _is_beyond(condition, without, versions)
        for condition, without in zip(explanation.conditions, explanation.seen_without, strict=True)
        if not condition.holds(versions)
    ]
    if not broken:
        return True
    return False if any(broken) else None


def _is_beyond(condition: Condition, without: str | None, versions: Versions) -> bool:
    """Whether the version that breaks a condition is as far beyond its bound as one that was seen not to fail."""
    installed = versions.get(condition.package)
    if condition.version is None or installed is None:
        return True
    if without is None:
        return False
    mine, seen = Version(installed), Version(without)
    return mine <= seen if condition.kind is Kind.FROM else mine >= seen


def _crosses(explanation: Explanation, base: Observation, run: Observation) -> bool:
    """Whether the run is the base moved across one condition, so that it has to fare otherwise.

    This project's aids may come along with an axis: a variant of the base is one whatever they are.
    """
    crossed = [one for one in explanation.conditions if one.holds(base.versions) is not one.holds(run.versions)]
    return (
        len(crossed) == 1
        and explanation.holds(run.versions) is not base.failed
        and is_near(base, run)
        and not base.subjects.isdisjoint(run.subjects)
    )
