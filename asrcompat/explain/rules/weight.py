"""How much an explanation that fits is worth: whether chance would have found one as well.

Among hundreds of packages some conjunction fits almost any few failures. Three things speak for one that fits: a pair
of environments that differ in its packages alone, one failing and one not; such a pair that was asked for with nothing
else changed, whatever a resolver made of it; or failures in a pattern that is rarer than there are conjunctions to
choose from. A pair is one only where the same subject saw both: two paths may fail by causes of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import comb

from asrcompat.explain.rules.asked import BUILD, TOGETHER, apart, differing
from asrcompat.explain.rules.conditions import Condition, Kind, Versions
from asrcompat.explain.rules.search import Explanation, Observation

_MARGIN = 20


def controlled(explanation: Explanation, observations: Sequence[Observation]) -> bool:
    """Whether for every condition two environments show it: where that one alone is broken, it does not fail.

    The two differ in nothing but the explanation's packages, and have one build of torch. One that breaks several
    conditions shows none of them.
    """
    return _shown(explanation, observations, lambda one: {**one.versions, BUILD: one.asked.get(BUILD, "")})


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
    allowed = packages.union(*(together for together in TOGETHER if together & packages))
    failing = [one for one in observations if one.failed]
    passing = [one for one in observations if not one.failed]
    return all(
        any(
            [broken for broken in explanation.conditions if not broken.holds(one.versions)] == [condition]
            and differing(what(one), what(other)) <= allowed
            and not one.subjects.isdisjoint(other.subjects)
            for one in passing
            for other in failing
        )
        for condition in explanation.conditions
    )


def beyond_chance(explanation: Explanation, observations: Sequence[Observation]) -> bool:
    """Whether as many environments can fail in `_MARGIN` times more ways than there are conjunctions up to this size.

    Counted are environments that one subject saw, and of near copies the first alone: they fail together, whatever the
    cause, and a hundred of them tell no more than one. What fits all fits those, so it is no easier to find by chance.
    """
    return any(
        _is_rare(len(explanation.conditions), _unlike([one for one in observations if subject in one.subjects]))
        for subject in sorted({subject for one in observations for subject in one.subjects})
    )


def _is_rare(size: int, observations: Sequence[Observation]) -> bool:
    ways = comb(len(observations), sum(one.failed for one in observations))
    conditions = _conditions([one.versions for one in observations])
    # at least one: the explanation itself, even where those that are left tell no conditions apart
    return ways > _MARGIN * max(1, sum(comb(conditions, several) for several in range(1, size + 1)))


def _unlike(observations: Sequence[Observation]) -> list[Observation]:
    """The observations without those that are near copies of an earlier one, however they fared."""
    kept: list[Observation] = []
    for one in observations:
        if not any(is_near(one, other) for other in kept):
            kept.append(one)
    return kept


def is_near(one: Observation, other: Observation) -> bool:
    """Whether both are variants of one request, or were asked for with one thing different."""
    if one.base and one.base == other.base:
        return True
    return apart(one.asked or one.versions, other.asked or other.versions) <= 1


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
