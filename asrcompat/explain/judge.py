"""What there is to know about the failures of a report's results: signatures first, then rules over versions."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence

from packaging.version import InvalidVersion, Version

from asrcompat.explain.rules.judge import judge_rules
from asrcompat.explain.signatures.entry import Signature, load_catalogue
from asrcompat.explain.signatures.judge import judge_signatures
from asrcompat.lab.experiments import Tried
from asrcompat.model import Environment, EnvironmentResult, Results
from asrcompat.run.lock import versions_of


def judge_failures(
    results: Results,
    locks: Mapping[str, str],
    *,
    beside: Sequence[EnvironmentResult] = (),
    tried: Collection[Tried] = (),
    catalogue: Mapping[str, Signature] | None = None,
) -> Results:
    """The same results, their failures explained as far as they can be; no outcome changes.

    `locks` holds the texts of locks by what environments call theirs. `beside` are further results that rules may build
    on, of environments that differ in their packages alone: of a derived one, only who passes it knows that, so derived
    environments among `results` are none of the rules' evidence. `tried` are runs that need not be made again.
    Without a `catalogue` it is the project's own.
    """
    known = load_catalogue() if catalogue is None else catalogue
    told = judge_signatures(results, known)
    reported = {one.id for one in results.environments}
    further = [one for one in beside if one.environment.id not in reported]
    plain = [one for one in results.environments if one.derived_from is None]
    evidence = dataclasses.replace(
        results,
        environments=(*plain, *(one.environment for one in further)),
        cells=(
            *(cell for cell in results.cells if cell.environment in {one.id for one in plain}),
            *(cell for one in further for cell in one.cells),
        ),
    )
    locked = [(one, locks[one.lock]) for one in evidence.environments if one.lock is not None and one.lock in locks]
    versions = {environment.id: _versions(environment, text) for environment, text in locked}
    bases = {one.id for one in plain if one.host is None}
    rules = judge_rules(judge_signatures(evidence, known), versions, bases=bases, tried=tried).rules
    # what is not seen in this report is not this report's to explain
    mine = tuple(one for one in rules if not reported.isdisjoint(one["failing"]["environments"]))
    return dataclasses.replace(told, rules=mine)


def _versions(environment: Environment, lock: str) -> dict[str, str]:
    """Everything that is installed, and Python's minor version: bug-fix releases of it are no rule's matter."""
    found = {**versions_of(lock), "python": ".".join(environment.python.split(".")[:2])}
    return {package: Version(version).public for package, version in found.items() if _readable(version)}


def _readable(version: str) -> bool:
    try:
        Version(version)
    except InvalidVersion:
        return False
    return True
