"""On which versions each failure depends: one rule for a group of failures, in place of telling it cell by cell.

A group is a signature, or the unrecognised failures of one fingerprint, on paths that fare alike. Its verdict:

- ``found``: one explanation by versions is left; it is ``controlled`` where environments that differ in its packages
  alone show it;
- ``undetermined``: several are, with all that are open and a run that would tell some of them apart; or one is that
  chance may have found among so many packages (`weight`);
- ``everywhere``: every environment that came so far fails so, and there is nothing to compare with;
- ``incomparable``: those that fail and those that do not were probed by different code of this project, which may be
  the whole difference;
- ``none``: no conjunction of a few conditions on versions explains it.

What is open are ``alternatives``: of each, one condition out of every choice has to hold. The conditions of one choice
held in the same environments. ``seen_without`` is the nearest version beyond a bound that was seen not to fail while
the rest held: the true bound lies between the two.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from asrcompat.explain.rules.conditions import Versions
from asrcompat.explain.rules.discriminate import discriminating
from asrcompat.explain.rules.search import Choices, Observation, alternatives, explanation, explanations
from asrcompat.explain.rules.weight import beyond_chance, controlled
from asrcompat.explain.seen import Fared, Subject, fared
from asrcompat.explain.signatures.judge import UNRECOGNISED
from asrcompat.model import Cell, Results
from asrcompat.spec.fields import AXIS_DISTRIBUTIONS

_AXES = ("python", *AXIS_DISTRIBUTIONS)


def judge_rules(results: Results, locks: Mapping[str, Versions]) -> Results:
    """The same results with `rules`; `locks` holds each environment's versions, transitive packages and Python too.

    Failures before there is a lock have none: what clashes there is told by the cells.
    """
    told = [rule for group in _groups(results) for rule in _rules(group, results, locks)]
    return dataclasses.replace(results, rules=tuple(told))


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Group:
    """Failures of one kind: how the rule names them, and their cells."""

    name: Mapping[str, Any]
    title: str
    cells: frozenset[tuple[str, str, str]]


def _groups(results: Results) -> Iterator[_Group]:
    for one in results.signatures:
        cells = _keys(one["cells"])
        if cells:
            yield _Group(name={"signature": one["id"], "fingerprint": None}, title=str(one["title"]), cells=cells)
    for one in results.unrecognised:
        name = {"signature": UNRECOGNISED, "fingerprint": one["fingerprint"]}
        inner = one["innermost"]
        yield _Group(name=name, title=f"{inner['exception']}: {inner['message']}", cells=_keys(one["cells"]))


def _keys(places: Iterable[Mapping[str, str]]) -> frozenset[tuple[str, str, str]]:
    return frozenset((one["environment"], one["path"], one["device"]) for one in places)


def _rules(group: _Group, results: Results, locks: Mapping[str, Versions]) -> Iterator[dict[str, Any]]:
    known = [cell for cell in results.cells if cell.environment in locks]
    alike = _alike(fared(known, lambda cell, check: check is None and cell.key in group.cells))
    for subjects, together in alike:
        observations = [
            Observation(environment=environment, versions=locks[environment], failed=failed)
            for environment, failed in together.items()
        ]
        yield {
            **group.name,
            "title": group.title,
            "paths": sorted({subject.path for subject in subjects}),
            "devices": sorted({subject.device.value for subject in subjects}),
            **_support(known, subjects, together, group),
            **_explained(observations, results),
        }


def _alike(told: Mapping[Subject, Fared]) -> list[tuple[list[Subject], dict[str, bool]]]:
    """Subjects that share a failing environment and differ in none, taken together."""
    merged: list[tuple[list[Subject], dict[str, bool]]] = []
    for subject, environments in told.items():
        for subjects, together in merged:
            common = together.keys() & environments.keys()
            if any(together[one] and environments[one] for one in common) and all(
                together[one] == environments[one] for one in common
            ):
                subjects.append(subject)
                together.update(environments)
                break
        else:
            merged.append(([subject], dict(environments)))
    return merged


def _support(
    cells: Iterable[Cell], subjects: Sequence[Subject], together: Mapping[str, bool], group: _Group
) -> dict[str, Any]:
    """How many cells bear on the rule, and in which environments."""
    mine = [cell for cell in cells if Subject(path=cell.path, device=cell.device) in subjects]
    failing = [one for one, failed in together.items() if failed]
    passing = [one for one, failed in together.items() if not failed]
    stages = {cell.failed.rung for cell in mine if cell.failed is not None and cell.key in group.cells}
    return {
        "failing": {"cells": sum(cell.key in group.cells for cell in mine), "environments": failing},
        "not_failing": {
            "cells": sum(
                cell.environment in passing and cell.passed is not None and cell.passed.rung >= min(stages, default=0)
                for cell in mine
            ),
            "environments": passing,
        },
    }


def _explained(observations: Sequence[Observation], results: Results) -> dict[str, Any]:
    if all(one.failed for one in observations):
        return _verdict("everywhere")
    if _code(observations, results, failed=True).isdisjoint(_code(observations, results, failed=False)):
        return _verdict("incomparable")
    found = alternatives(observations, prefer=_AXES)
    if not found:
        return _verdict("none")
    passing = [one.versions for one in observations if not one.failed]
    told = [[_choice(choices, place, passing) for place in range(len(choices))] for choices in found]
    left = explanations(observations, prefer=_AXES)
    if len(left) == 1:
        shown = controlled(left[0], observations)
        if not shown and not beyond_chance(left[0], observations):
            return _verdict("undetermined", alternatives=told, controlled=False)
        derived = {one.id for one in results.environments if one.derived_from is not None}
        sought = [one.environment for one in observations if one.environment in derived]
        return _verdict("found", alternatives=told, controlled=shown, counterexample_sought_in=sought)
    experiment = discriminating(left, observations)
    given = None if experiment is None else dataclasses.asdict(experiment)
    return _verdict("undetermined", alternatives=told, experiment=given)


def _code(observations: Sequence[Observation], results: Results, *, failed: bool) -> set[str | None]:
    by = {one.id: one.code for one in results.environments}
    return {by[one.environment] for one in observations if one.failed is failed}


def _verdict(verdict: str, **facts: Any) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "alternatives": [],
        "controlled": None,
        "counterexample_sought_in": [],
        "experiment": None,
        **facts,
    }


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
