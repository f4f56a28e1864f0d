"""What results show about one part of a claim: the observations that bear on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from asrcompat.model import Cell, Check, CheckOutcome, Environment, Outcome, Results, Stage

from .document import Look, Part, Weights
from .verdict import Evidence, LeftOut

# The others say nothing about packages.
_COUNTED = (Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE)
_TELLING = (CheckOutcome.PASSED, CheckOutcome.FAILED, CheckOutcome.UNSTABLE)
# A process that was ended, by our limits say, tells nothing of what was being looked at. `asrcompat.run.endings` says
# it in these words, or by the name of what ended it.
_ENDED = re.compile(r"\Athe process .*; what was still to be tried after this was not\Z", re.DOTALL)
_LIMITS = ("Deadline", "Silence", "MemoryLimit", "OutputLimit")
_ENDINGS = frozenset(["ProcessKilled", "ProcessExited", "ProbeDied", *(f"{limit}Exceeded" for limit in _LIMITS)])


def observe(part: Part, number: int, results: Results) -> Iterator[Evidence | LeftOut]:
    """Everything in the results that bears on a part, in their order; and what it is about without bearing on it."""
    if part.look is not None:
        yield from _looked_at(part.look, number, results)
    if part.weights is not None:
        yield from _compared(part.weights, number, results)


def _looked_at(look: Look, number: int, results: Results) -> Iterator[Evidence | LeftOut]:
    if look.weights is not None and results.weights != look.weights:
        return
    environments = {one.id: one for one in results.environments}
    cells = [cell for cell in results.cells if cell.environment in environments]
    cells = [cell for cell in cells if _bears(look, cell, environments[cell.environment])]
    stage = look.stage or _stage_of(look, cells)
    # Not every path has every check, and one that never has it is not what the part is about.
    subjects = {*look.paths, *(cell.path for cell in cells if look.check is None or _made(look, cell))}
    for cell in cells:
        found = list(_seen(look, cell))
        for check, outcome, message in found:
            yield _judged(look, number, cell, check, outcome, message)
        if not found and cell.path in subjects and (why := _unseen(look, cell, stage)) is not None:
            yield _left_out(number, cell, why)


def _judged(
    look: Look, number: int, cell: Cell, check: Check | None, outcome: CheckOutcome, message: str
) -> Evidence | LeftOut:
    exception = cell.exception if check is None else check.data.get("exception")
    ended = exception in _ENDINGS or _ENDED.match(message) is not None
    supports = None if ended else _supports(look, outcome, message, None if check is None else check.data)
    if supports is None:
        told = _in_a_line(f"{look.check or look.stage} {outcome}", message)
        return _left_out(number, cell, f"{told} (which says nothing about this)")
    return Evidence(
        part=number,
        supports=supports,
        environment=cell.environment,
        path=cell.path,
        device=cell.device,
        stage=look.stage if check is None else check.stage,
        check=None if check is None else check.id,
        outcome=outcome,
        message=message.partition("\n")[0],
    )


def _left_out(number: int, cell: Cell, why: str) -> LeftOut:
    return LeftOut(part=number, environment=cell.environment, path=cell.path, device=cell.device, why=why)


def _made(look: Look, cell: Cell) -> list[Check]:
    return [check for check in cell.checks if check.id == look.check]


def _stage_of(look: Look, cells: Iterable[Cell]) -> Stage | None:
    """The stage at which a check is made, as far as anything came to it."""
    return next((check.stage for cell in cells for check in _made(look, cell)), None)


def _unseen(look: Look, cell: Cell, stage: Stage | None) -> str | None:
    """Why there is nothing to see in a cell; None where it was not asked for there."""
    if made := _made(look, cell):
        return _in_a_line(f"{made[0].id} {made[0].outcome}", made[0].message)
    # What is unstable came to everything.
    if cell.outcome is not Outcome.BROKEN or cell.failed is None:
        return None
    if stage is not None and cell.failed.rung > stage.rung:
        return None
    return _in_a_line(f"{cell.outcome} at {cell.failed}", cell.message or cell.exception or "")


def _in_a_line(happened: str, message: str) -> str:
    said = message.strip().partition("\n")[0]
    return f"{happened}: {said}" if said else happened


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


def _seen(look: Look, cell: Cell) -> Iterator[tuple[Check | None, CheckOutcome, str]]:
    """What was looked at: what came of it, and what it said."""
    for check in _made(look, cell):
        if check.outcome in _TELLING:
            yield check, check.outcome, check.message
    if look.stage is not None:
        if cell.failed is look.stage:
            unstable = cell.outcome is Outcome.UNSTABLE
            yield None, CheckOutcome.UNSTABLE if unstable else CheckOutcome.FAILED, cell.message
        elif cell.passed is not None and cell.passed.rung >= look.stage.rung:
            yield None, CheckOutcome.PASSED, ""


def _supports(look: Look, outcome: CheckOutcome, message: str, data: Mapping[str, Any] | None) -> bool | None:
    """Whether what was seen supports the part; None where it says nothing about it.

    What passes sometimes does neither pass nor fail.
    """
    if outcome is not CheckOutcome.PASSED and look.about is not None and not re.search(look.about, message):
        return None
    if outcome is not (CheckOutcome.PASSED if look.expect == "passes" else CheckOutcome.FAILED):
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
