"""What the observations of a group of failures tell: its verdict, as `asrcompat.explain.rules.judge` names them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Any

from asrcompat.explain.rules.conditions import Versions
from asrcompat.explain.rules.discriminate import Experiment, Move, discriminating, refuting
from asrcompat.explain.rules.search import Choices, Explanation, Observation, alternatives, explanation, explanations
from asrcompat.explain.rules.weight import beyond_chance, controlled, controlled_by_asking
from asrcompat.spec.fields import AXIS_DISTRIBUTIONS, FORK

_AXES = ("python", *AXIS_DISTRIBUTIONS)
_COMPANIONS = {"torchaudio": "torch", FORK: "s3prl"}  # asked for together: an explanation by one is one by the other

Allowed = Callable[[str, tuple[Move, ...]], bool]
"""Whether a run of an environment with moves can be made, and was not."""


def explained(observations: Sequence[Observation], derived: Collection[str], allowed: Allowed) -> dict[str, Any]:
    """The verdict on observations some of which fail and some do not; `derived` are those made to find it out."""
    prefer = [*_AXES, *sorted({package for one in observations for package in one.asked} - {*_AXES})]
    found = alternatives(observations, prefer=prefer)
    if not found:
        return verdict("none")
    left = explanations(observations, prefer=prefer)
    if len(left) > 1 and (asked := _asked_for(left, observations)) is not None:
        told = _told([_asked_first(choices, asked) for choices in found if _has(choices, asked)], observations)
        return _found(asked, told, observations, derived, allowed, shown=True, asked=True)
    told = _told(found, observations)
    if len(left) > 1:
        return verdict(
            "undetermined", alternatives=told, experiment=_data(discriminating(left, observations, allowed=allowed))
        )
    shown = controlled(left[0], observations)
    if shown or beyond_chance(left[0], observations):
        return _found(left[0], told, observations, derived, allowed, shown=shown, asked=False)
    experiment = refuting(left[0], observations, allowed=allowed)
    return verdict("undetermined", alternatives=told, controlled=False, experiment=_data(experiment))


def _found(
    explained: Explanation,
    told: list[list[list[dict[str, Any]]]],
    observations: Sequence[Observation],
    derived: Collection[str],
    allowed: Allowed,
    *,
    shown: bool,
    asked: bool,
) -> dict[str, Any]:
    sought = [one.environment for one in observations if one.environment in derived]
    experiment = None if sought else refuting(explained, observations, allowed=allowed)
    return verdict(
        "found",
        alternatives=told,
        controlled=shown,
        asked=asked,
        counterexample_sought_in=sought,
        experiment=_data(experiment),
    )


def _asked_for(left: Sequence[Explanation], observations: Sequence[Observation]) -> Explanation | None:
    """The one explanation by what was asked for that environments show; None where there are two that differ in it."""
    shown = [one for one in left if controlled_by_asking(one, observations)]
    kinds = {frozenset(_COMPANIONS.get(package, package) for package in one.packages) for one in shown}
    return shown[0] if len(kinds) == 1 else None


def _has(choices: Choices, explained: Explanation) -> bool:
    return len(choices) == len(explained.conditions) and all(
        any(condition in choice for condition in explained.conditions) for choice in choices
    )


def _asked_first(choices: Choices, explained: Explanation) -> Choices:
    return tuple(tuple(sorted(choice, key=lambda one: one not in explained.conditions)) for choice in choices)


def _data(experiment: Experiment | None) -> dict[str, Any] | None:
    return None if experiment is None else dataclasses.asdict(experiment)


def verdict(name: str, **facts: Any) -> dict[str, Any]:
    """A verdict with everything that is told of one."""
    return {
        "verdict": name,
        "alternatives": [],
        "controlled": None,
        "asked": False,
        "counterexample_sought_in": [],
        "experiment": None,
        **facts,
    }


def _told(found: Sequence[Choices], observations: Sequence[Observation]) -> list[list[list[dict[str, Any]]]]:
    passing = [one.versions for one in observations if not one.failed]
    return [[_choice(choices, place, passing) for place in range(len(choices))] for choices in found]


def _choice(choices: Choices, place: int, passing: Sequence[Versions]) -> list[dict[str, Any]]:
    """The conditions of one choice, each with the version beyond its bound that was seen not to fail."""
    told = []
    for condition in choices[place]:
        # which one of the other choices is taken makes no difference: they held in the same environments
        chosen = tuple(condition if at == place else choice[0] for at, choice in enumerate(choices))
        without = explanation(chosen, passing).seen_without[place]
        told.append(
            {
                "text": str(condition),
                "package": condition.package,
                "kind": condition.kind.value,
                "version": condition.version,
                "seen_without": without,
            }
        )
    return told
