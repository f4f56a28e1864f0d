"""How much an explanation that fits is worth: whether chance would have found one as well.

Among hundreds of packages some conjunction fits almost any few failures. Three things speak for one that fits: a pair
of environments that differ in its packages alone, one failing and one not; such a pair that was asked for with nothing
else changed, whatever a resolver made of it; or failures in a pattern that is rarer than there are conjunctions to
choose from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb

from asrcompat.explain.rules.conditions import Condition, Kind, Versions
from asrcompat.explain.rules.search import Explanation, Observation
from asrcompat.spec.fields import FORK

_MARGIN = 20
_TOGETHER = ({"torch", "torchaudio"}, {"s3prl", FORK})  # of which one is not asked for alone


def controlled(explanation: Explanation, observations: Sequence[Observation]) -> bool:
    """Whether for every condition two environments show it: where that one alone is broken, it does not fail.

    The two differ in nothing but the explanation's packages. One that breaks several conditions shows none of them.
    """
    return _shown(explanation, observations, lambda one: one.versions)


def controlled_by_asking(explanation: Explanation, observations: Sequence[Observation]) -> bool:
    """The same, of pairs that were asked for with nothing but the explanation's packages changed.

    What else is different between the two came along with that: it cannot be the cause by itself. torch and torchaudio
    are asked for together, s3prl and its fork in place of each other.
    """
    return all(_was_asked(package, observations) for package in explanation.packages) and _shown(
        explanation, observations, lambda one: one.asked
    )


def _was_asked(package: str, observations: Sequence[Observation]) -> bool:
    return any(package in one.asked for one in observations)


def _shown(
    explanation: Explanation, observations: Sequence[Observation], what: Callable[[Observation], Versions]
) -> bool:
    packages = set(explanation.packages)
    allowed = packages.union(*(together for together in _TOGETHER if together & packages))
    failing = [one for one in observations if one.failed]
    passing = [one for one in observations if not one.failed]
    return all(
        any(
            [broken for broken in explanation.conditions if not broken.holds(one.versions)] == [condition]
            and _differing(what(one), what(other)) <= allowed
            for one in passing
            for other in failing
        )
        for condition in explanation.conditions
    )


def beyond_chance(explanation: Explanation, observations: Sequence[Observation]) -> bool:
    """Whether as many environments can fail in `_MARGIN` times more ways than there are conjunctions of this size."""
    ways = comb(len(observations), sum(one.failed for one in observations))
    return ways > _MARGIN * comb(_conditions([one.versions for one in observations]), len(explanation.conditions))


def _conditions(everyone: Sequence[Versions]) -> int:
    """How many conditions on one package these environments can tell apart."""
    told = set()
    for package in {package for versions in everyone for package in versions}:
        seen = {versions[package] for versions in everyone if package in versions}
        conditions = [Condition(package=package, kind=kind) for kind in (Kind.PRESENT, Kind.ABSENT)]
        conditions += [
            Condition(package=package, kind=kind, version=version)
            for kind in (Kind.FROM, Kind.UP_TO)
            for version in seen
        ]
        told |= {tuple(condition.holds(versions) for versions in everyone) for condition in conditions}
    return sum(any(held) and not all(held) for held in told)


def _differing(one: Versions, other: Versions) -> set[str]:
    return {package for package in one.keys() | other.keys() if one.get(package) != other.get(package)}
