"""The smallest conditions that explain which environments fail, from versions of direct and transitive packages alike.

An explanation is a set of conditions that all failing environments fulfil together and no other one does. Of two, the
one with fewer conditions explains better. Where several of the smallest size are left, the data do not decide, and that
is the answer: with a few environments many packages have moved at once.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.version import Version

from asrcompat.explain.rules.conditions import Condition, Kind, Versions, narrowest

MOST_CONDITIONS = 3
MOST_EXPLANATIONS = 50  # so many are none
_ONE = frozenset({("a path", "a device")})  # where subjects are not told apart


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one environment's versions led to: the failure in question, or its absence.

    `asked` is what of it somebody asked for, by package: the rest is what a resolver made of that. `base` is the
    request that it is a variant of, or its own; `subjects` are those that were seen to fare so there: only between
    environments that one subject saw is nothing but versions different.
    """

    environment: str
    versions: Versions
    failed: bool
    asked: Versions = field(default_factory=dict)
    base: str = ""
    subjects: frozenset[tuple[str, str]] = _ONE


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Conditions that hold together in every failing environment and in no other.

    `seen_without` tells for each bound the nearest version beyond it that was seen not to fail while the other
    conditions held: between the two lies the true bound.
    """

    conditions: tuple[Condition, ...]
    seen_without: tuple[str | None, ...]

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages that it is about."""
        return tuple(dict.fromkeys(condition.package for condition in self.conditions))

    def holds(self, versions: Versions) -> bool:
        """Whether an environment with these versions would fail by it."""
        return all(condition.holds(versions) for condition in self.conditions)

    def __str__(self) -> str:
        """All conditions, joined."""
        return " and ".join(map(str, self.conditions))


Choices = tuple[tuple[Condition, ...], ...]


def explanations(observations: Sequence[Observation], *, prefer: Sequence[str] = ()) -> tuple[Explanation, ...]:
    """All explanations of the smallest size that has any, `MOST_EXPLANATIONS` at the most, in `alternatives`' order.

    None where nothing failed, nothing passed, or no conjunction of up to `MOST_CONDITIONS` does it.
    """
    passing = [one.versions for one in observations if not one.failed]
    conjunctions = itertools.chain.from_iterable(
        itertools.product(*choices) for choices in alternatives(observations, prefer=prefer)
    )
    return tuple(
        explanation(tuple(sorted(chosen, key=lambda one: (one.package, one.kind))), passing)
        for chosen in itertools.islice(conjunctions, MOST_EXPLANATIONS)
    )


def alternatives(observations: Sequence[Observation], *, prefer: Sequence[str] = ()) -> tuple[Choices, ...]:
    """What `explanations` are made of: each is one condition out of each of an alternative's choices.

    The conditions of one choice held in the same observations, so that nothing here tells them apart: packages that
    moved together. Those about the packages of `prefer` come first; that is an order, and no reason to believe them.
    """
    failing = [one.versions for one in observations if one.failed]
    passing = [one.versions for one in observations if not one.failed]
    if not failing or not passing:
        return ()
    by_effect = _effects(failing, passing)
    everyone = (1 << len(passing)) - 1
    rank = {package: place for place, package in enumerate(prefer)}

    def place(condition: Condition) -> tuple[int, str]:
        return rank.get(condition.package, len(rank)), condition.package

    for size in range(1, MOST_CONDITIONS + 1):
        covers = dict.fromkeys(frozenset(one) for one in _covers(list(by_effect), everyone, size))
        found = [
            tuple(tuple(sorted(choice, key=place)) for choice in choices)
            for cover in covers
            if all(choices := _most_general(sorted(cover), by_effect, everyone))
        ]
        if found:
            return tuple(sorted(found, key=lambda choices: sorted((place(one[0]) for one in choices), reverse=True)))
    return ()


def _effects(failing: Sequence[Versions], passing: Sequence[Versions]) -> dict[int, list[Condition]]:
    """Conditions by the passing environments that they exclude (a set of bits); those that exclude none are no use.

    Of a package's conditions with the same effect only the most general one: presence rather than a bound.
    """
    found: dict[int, list[Condition]] = {}
    for package in sorted({package for versions in (*failing, *passing) for package in versions}):
        seen: set[int] = set()
        having: dict[str | None, int] = {}
        for bit, versions in enumerate(passing):
            version = versions.get(package)
            having[version] = having.get(version, 0) | 1 << bit
        for condition in narrowest(package, failing):
            effect = sum(bits for version, bits in having.items() if not condition.admits(version))
            if effect and effect not in seen:
                seen.add(effect)
                found.setdefault(effect, []).append(condition)
    return found


def _covers(
    effects: Sequence[int], everyone: int, size: int, chosen: tuple[int, ...] = ()
) -> Iterator[tuple[int, ...]]:
    """Sets of `size` effects that exclude every passing environment together, some in several orders.

    The first environment that is not excluded yet has to be by one of the next: so only those are looked at.
    """
    missing = everyone & ~functools.reduce(operator.or_, chosen, 0)
    if not missing:
        yield chosen
    elif len(chosen) < size:
        lowest = missing & -missing
        for effect in effects:
            if effect & lowest:
                yield from _covers(effects, everyone, size, (*chosen, effect))


def _most_general(cover: Sequence[int], effects: Mapping[int, Sequence[Condition]], everyone: int) -> Choices:
    """The conditions of each effect, without bounds where the package's presence in their place would do as well."""
    present = {
        one.package: effect for effect, conditions in effects.items() for one in conditions if one.kind is Kind.PRESENT
    }
    choices = []
    for effect in cover:
        rest = functools.reduce(operator.or_, (other for other in cover if other != effect), 0)
        choices.append(
            tuple(
                one
                for one in effects[effect]
                if one.kind is Kind.PRESENT or rest | present.get(one.package, 0) != everyone
            )
        )
    return tuple(choices)


def explanation(conditions: tuple[Condition, ...], passing: Sequence[Versions]) -> Explanation:
    """The conjunction with what was seen beyond each of its bounds, among the environments that do not fail."""
    return Explanation(
        conditions=conditions,
        seen_without=tuple(_nearest(condition, conditions, passing) for condition in conditions),
    )


def _nearest(condition: Condition, conditions: Sequence[Condition], passing: Sequence[Versions]) -> str | None:
    if condition.version is None:
        return None
    others = [one for one in conditions if one is not condition]
    beyond = [
        versions[condition.package]
        for versions in passing
        if condition.package in versions
        and not condition.holds(versions)
        and all(other.holds(versions) for other in others)
    ]
    if not beyond:
        return None
    return max(beyond, key=Version) if condition.kind is Kind.FROM else min(beyond, key=Version)
