"""Bounds that packages' metadata lack: a line to paste into a package's own, for every limit that runs have found.

Of a rule that holds by runs: what fails from a version of another package on wants an upper bound on it, what fails up
to one a lower bound, in the metadata of the package that raises the failure. Of a verified remedy: a package that had
to be added is one that is not declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from asrcompat.explain.rules.conditions import Kind
from asrcompat.explain.when import day
from asrcompat.model import Outcome, Results
from asrcompat.report import words
from asrcompat.report.grid import Target
from asrcompat.report.signatures import Signatures
from asrcompat.report.where import counted

_PYTHON = "python"


@dataclass(frozen=True, kw_only=True)
class Bound:
    """A line for a package's metadata: why, by what, and the failure it would have prevented."""

    package: str
    line: str
    title: str
    target: Target | None
    evidence: str


def bounds(results: Results, told: Signatures, numbers: Mapping[str, int]) -> tuple[Bound, ...]:
    """The bounds that these results show to be missing, each once."""
    raisers = {words.text(one, "id"): words.text(one, "package") for one in results.signatures}
    found = [*_of_rules(results, raisers, told, numbers), *_of_remedies(results, raisers, told, numbers)]
    return tuple({(one.package, one.line): one for one in reversed(found)}.values())[::-1]


def _of_rules(
    results: Results, raisers: Mapping[str, str], told: Signatures, numbers: Mapping[str, int]
) -> Iterator[Bound]:
    declared = {one.id for one in results.environments if one.declared == "ok"}
    for rule in results.rules:
        package = raisers.get(words.text(rule, "signature"), "")
        failing = [one for one in words.mapping(rule, "failing")["environments"] if one in declared]
        if rule["verdict"] != "found" or not package or not failing:
            continue
        (alternative,) = rule["alternatives"]
        conditions = [choice[0] for choice in alternative]
        own = [one for one in conditions if _is(one["package"], package) and one["version"]]
        others = [
            one for one in conditions if not _is(one["package"], package) and one["kind"] in (Kind.FROM, Kind.UP_TO)
        ]
        if len(others) != 1:
            continue  # of several together each may be had without the others, and a bound on one would forbid too much
        for one in others:
            requirement = _requirement(one)
            if requirement is None:
                continue
            until = f", for {' and '.join(words.text(each, 'text') for each in own)}" if own else ""
            yield Bound(
                package=package,
                line=_line(requirement, python=one["package"] == _PYTHON),
                title=words.text(rule, "title"),
                target=told.target(words.text(rule, "signature")),
                evidence=f"a rule found by runs{until}; declared ok and failing: {counted(failing, numbers)}",
            )


def _of_remedies(
    results: Results, raisers: Mapping[str, str], told: Signatures, numbers: Mapping[str, int]
) -> Iterator[Bound]:
    titles = {words.text(one, "id"): words.text(one, "title") for one in results.signatures}
    for remedy in (one for one in results.remedies if one.verified):
        packages = {raisers.get(signature) for signature in remedy.signatures} - {None, ""}
        extras = [change["value"] for change in remedy.changes if change["kind"] == "extra"]
        if len(packages) != 1 or len(remedy.signatures) != 1 or len(remedy.changes) != 1:
            continue  # of several failures or changes together it is not told which package lacks what
        (package,), (signature,) = packages, remedy.signatures
        days = dict.fromkeys(day(cell.earlier) for cell in remedy.cells if cell.outcome is Outcome.WORKS)
        when = "" if "" in days else f" ({', '.join(days)})"
        for extra in extras:
            name = Requirement(extra).name
            if not _is(name, str(package)):
                yield Bound(
                    package=str(package),
                    line=f"Requires-Dist: {name}",
                    title=titles.get(signature, signature),
                    target=told.target(signature),
                    evidence=f"with it added, {counted([remedy.environment], numbers)} works{when}: {remedy.says}",
                )


def _requirement(condition: Mapping[str, Any]) -> str | None:
    """What has to be asked for so that a condition does not hold: only versions can be asked for."""
    version = condition.get("version")
    if condition["kind"] == Kind.FROM and version:
        return f"{condition['package']}<{version}"
    if condition["kind"] == Kind.UP_TO and version:
        return f"{condition['package']}>{version}"
    return None


def _line(requirement: str, *, python: bool) -> str:
    if not python:
        return f"Requires-Dist: {requirement}"
    asked = requirement.removeprefix(_PYTHON)
    if asked.startswith(">"):  # than a whole series, whose last release is not known
        major, minor = asked.removeprefix(">").split(".")[:2]
        asked = f">={major}.{int(minor) + 1}"
    return f"Requires-Python: {asked}"


def _is(one: str, other: str) -> bool:
    return canonicalize_name(one) == canonicalize_name(other)
