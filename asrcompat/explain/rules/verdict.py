"""What the observations of a group of failures tell: its verdict, as `asrcompat.explain.rules.judge` names them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from asrcompat.explain.rules.conditions import Versions
from asrcompat.explain.rules.discriminate import Experiment, Move, discriminating, refuting
from asrcompat.explain.rules.refuted import could_refute
from asrcompat.explain.rules.search import Choices, Explanation, Observation, alternatives, explanation, explanations
from asrcompat.explain.rules.weight import beyond_chance, controlled, controlled_by_asking
from asrcompat.spec.fields import AXIS_DISTRIBUTIONS, FORK

_AXES = ("python", *AXIS_DISTRIBUTIONS)
_SIDE = 8
_COMPANIONS = {"torchaudio": "torch", FORK: "s3prl"}  # asked for together: an explanation by one is one by the other


@dataclasses.dataclass(frozen=True, kw_only=True)
class Evidence:
    """What there is to judge by: how environments fared, some of which fail and some do not.

    `named` are packages that the failure's own words name; `derived` are the environments that the laboratory made.
    `allowed` says whether a run of an environment with moves can be made, and was not.
    """

    observations: tuple[Observation, ...]
    named: tuple[str, ...] = ()
    derived: frozenset[str] = frozenset()
    allowed: Callable[[str, tuple[Move, ...]], bool] = lambda *_: True

    @property
    def prefer(self) -> tuple[str, ...]:
        """Packages to tell of first: those that somebody asked for, the named ones in front, then others that are."""
        asked = {package for one in self.observations for package in one.asked}
        order = [*self.named, *_AXES, *sorted(asked)]
        return tuple(dict.fromkeys([*(one for one in order if one in asked), *order]))

    @property
    def runs(self) -> list[Observation]:
        """Those that the laboratory made."""
        return [one for one in self.observations if one.environment in self.derived]

    @property
    def bases(self) -> list[Observation]:
        """Those that it did not make."""
        return [one for one in self.observations if one.environment not in self.derived]

    def without(self, environment: str) -> Evidence:
        """The same, had this environment not been run."""
        left = tuple(one for one in self.observations if one.environment != environment)
        return dataclasses.replace(self, observations=left)


def explained(evidence: Evidence) -> dict[str, Any]:
    """The verdict on it."""
    observations, allowed = evidence.observations, evidence.allowed
    found = alternatives(observations, prefer=evidence.prefer)
    if not found:
        return verdict("none")
    rule = _rule(evidence)
    if rule is not None:
        choices = next(one for one in found if _has(one, rule.explanation))
        sought = _sought(evidence, rule)
        experiment = None if sought else refuting(rule.explanation, observations, allowed=allowed)
        return verdict(
            "found",
            alternatives=_told([_first(choices, rule.explanation)], evidence),
            controlled=rule.controlled,
            asked=rule.asked,
            counterexample_sought_in=sought,
            experiment=_data(experiment, [rule.explanation]),
        )
    told = _told(found, evidence)
    left = explanations(observations, prefer=evidence.prefer)
    if len(left) == 1:
        experiment = refuting(left[0], observations, allowed=allowed)
        return verdict("undetermined", alternatives=told, controlled=False, experiment=_data(experiment, left))
    experiment = discriminating(left, observations, allowed=allowed, suspects=evidence.named)
    if experiment is None and not any(_is_sought(evidence, one) for one in left):
        # those that no move tells apart (s3prl and no fork, say) are shown together by a run that could refute them all
        experiment = refuting(left[0], observations, allowed=allowed)
    return verdict("undetermined", alternatives=told, experiment=_data(experiment, left))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Rule:
    explanation: Explanation
    controlled: bool
    asked: bool

    @property
    def about(self) -> frozenset[tuple[str, str]]:
        """What it says, whatever its bounds are."""
        return frozenset((one.package, one.kind.value) for one in self.explanation.conditions)


def _rule(evidence: Evidence) -> _Rule | None:
    """The one explanation that is left, or that is shown by what was asked for; None where the data do not decide."""
    left = explanations(evidence.observations, prefer=evidence.prefer)
    asked = _asked_for(left, evidence.observations)
    if len(left) != 1:
        return None if asked is None else _Rule(explanation=asked, controlled=False, asked=True)
    shown = controlled(left[0], evidence.observations)
    if shown or asked is not None or beyond_chance(left[0], evidence.observations):
        return _Rule(explanation=left[0], controlled=shown, asked=not shown and asked is not None)
    return None


def _sought(evidence: Evidence, rule: _Rule) -> list[str]:
    """The laboratory's environments that could have refuted the rule, which would be the same without any one of them.

    That alone is not enough: nearly every run leaves a rule the same. It had to bear on it (`could_refute`).
    """
    sought = []
    for run in sorted(evidence.runs, key=lambda one: one.environment):
        known = _rule(evidence.without(run.environment))
        if known is not None and known.about == rule.about and could_refute(run, known.explanation, evidence.bases):
            sought.append(run.environment)
    return sought


def _is_sought(evidence: Evidence, explanation: Explanation) -> bool:
    """Whether a run was made that bore on an explanation: one more of its kind would tell no more."""
    return any(could_refute(run, explanation, evidence.bases) for run in evidence.runs)


def _asked_for(left: Sequence[Explanation], observations: Sequence[Observation]) -> Explanation | None:
    """The one explanation by what was asked for that environments show; None where there are two that differ in it."""
    shown = [one for one in left if controlled_by_asking(one, observations)]
    kinds = {frozenset(_COMPANIONS.get(package, package) for package in one.packages) for one in shown}
    return shown[0] if len(kinds) == 1 else None


def _has(choices: Choices, explained: Explanation) -> bool:
    return len(choices) == len(explained.conditions) and all(
        any(condition in choice for condition in explained.conditions) for choice in choices
    )


def _first(choices: Choices, explained: Explanation) -> Choices:
    return tuple(tuple(sorted(choice, key=lambda one: one not in explained.conditions)) for choice in choices)


def _data(experiment: Experiment | None, of: Sequence[Explanation]) -> dict[str, Any] | None:
    """The experiment, with the explanations by which it would fail or pass; of each side the first few."""
    if experiment is None:
        return None
    told = dataclasses.asdict(experiment)
    return {**told, **{side: [str(of[place]) for place in told[side][:_SIDE]] for side in ("fails", "passes")}}


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


def _told(found: Sequence[Choices], evidence: Evidence) -> list[list[list[dict[str, Any]]]]:
    passing = [one.versions for one in evidence.observations if not one.failed]
    return [[_choice(choices, place, passing, evidence) for place in range(len(choices))] for choices in found]


def _choice(choices: Choices, place: int, passing: Sequence[Versions], evidence: Evidence) -> list[dict[str, Any]]:
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
                "named": condition.package in evidence.named,
            }
        )
    return told
