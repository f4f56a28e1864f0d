"""What results show about one part of a claim: the observations that bear on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from asrcompat.model import Cell, Check, CheckOutcome, Environment, Outcome, Results

from .document import Look, Part, Weights
from .verdict import Evidence

# The others say nothing about packages.
_COUNTED = (Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE)
_TELLING = (CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.UNSTABLE)


def observe(part: Part, number: int, results: Results) -> Iterator[Evidence]:
    """Everything in the results that bears on a part, in their order."""
    if part.look is not None:
        yield from _looked_at(part.look, number, results)
    if part.weights is not None:
        yield from _compared(part.weights, number, results)


def _looked_at(look: Look, number: int, results: Results) -> Iterator[Evidence]:
    if look.weights is not None and results.weights != look.weights:
        return
    environments = {one.id: one for one in results.environments}
    for cell in results.cells:
        environment = environments.get(cell.environment)
        if environment is not None and _bears(look, cell, environment):
            for check, passed, message in _seen(look, cell):
                supports = _supports(look, passed, message, None if check is None else check.data)
                if supports is not None:
                    yield Evidence(
                        part=number,
                        supports=supports,
                        environment=cell.environment,
                        path=cell.path,
                        device=cell.device,
                        stage=look.stage if check is None else check.stage,
                        check=None if check is None else check.id,
                        message=message.partition("\n")[0],
                    )


def _bears(look: Look, cell: Cell, environment: Environment) -> bool:
    if cell.outcome not in _COUNTED:
        return False
    if (look.paths and cell.path not in look.paths) or (look.devices and cell.device not in look.devices):
        return False
    versions = {"python": environment.python, **environment.packages}
    return all(_has(versions.get(package), specifier) for package, specifier in look.when.items())


def _has(version: str | None, specifier: str) -> bool:
    if version is None:
        return False
    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def _seen(look: Look, cell: Cell) -> Iterator[tuple[Check | None, bool | None, str]]:
    """What was looked at: whether it passed (None: sometimes), and what it said."""
    if look.check is not None:
        for check in cell.checks:
            if check.id == look.check and check.outcome in _TELLING:
                yield check, _PASSED[check.outcome], check.message
    if look.stage is not None:
        if cell.failed is look.stage:
            yield None, None if cell.outcome is Outcome.UNSTABLE else False, cell.message
        elif cell.passed is not None and cell.passed.rung >= look.stage.rung:
            yield None, True, ""


_PASSED = {CheckOutcome.PASSED: True, CheckOutcome.FAILED: False, CheckOutcome.UNSTABLE: None}


def _supports(look: Look, passed: bool | None, message: str, data: Mapping[str, Any] | None) -> bool | None:
    """Whether what was seen supports the part; None where it says nothing about it."""
    if passed is not True and look.about is not None and not re.search(look.about, message):
        return None
    if passed is not (look.expect == "passes"):
        return False
    if look.message is not None and not re.search(look.message, message):
        return False
    told = data or {}
    if any(key not in told for key in look.data):
        return None  # an older probe did not tell it
    return all(_same(told[key], value) for key, value in look.data.items())


def _same(found: object, wanted: object) -> bool:
    """Equal in value, where true is not 1."""
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


def _compared(weights: Weights, number: int, results: Results) -> Iterator[Evidence]:
    """What the comparison of the real repository with the fixture shows; there is none on other weights."""
    comparison = results.weights_comparison
    if results.weights != "hub" or not comparison:
        return
    # one for all environments, or where runs had different repositories, one for each
    by_environment = {None: comparison} if "config" in comparison else dict(comparison)
    for environment, found in by_environment.items():
        differing = [f"config.json: {key}" for key in weights.config if key in found["config"]]
        if weights.tensors:
            differing += [f"tensor {name}" for name in found["tensors"]]
        yield Evidence(
            part=number,
            supports=not differing,
            environment=environment,
            message=f"not as in the fixture: {', '.join(differing)}" if differing else "as in the fixture",
        )
