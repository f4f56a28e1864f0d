"""The invariants that every `Results` keeps; a report is not made of one that breaks any.

A result that contradicts itself is a fault of the harness and no news about a package, so it ends
the command instead of colouring a cell. All problems are told at once.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from asrcompat.errors import HarnessError
from asrcompat.model import Cell, CheckOutcome, Outcome, Results, Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Stages that come before the probe: nothing of theirs leaves evidence. Their failures may hold the tool's words as a
# check and an exception, or be told by the cell alone.
BUILDING = (Stage.RESOLVE, Stage.INSTALL)

_PASSING = (CheckOutcome.PASSED, CheckOutcome.SKIPPED)


def verify(results: Results) -> None:
    """Raise `HarnessError` with every broken invariant of `results`."""
    problems = [*_identities(results)]
    for cell in results.cells:
        problems += [f"{'/'.join(cell.key)}: {problem}" for problem in cell_problems(cell)]
    if problems:
        count = len(problems)
        places = "place" if count == 1 else "places"
        head = f"the results contradict themselves in {count} {places}; nothing was published:"
        raise HarnessError("\n  ".join([head, *problems]))


def cell_problems(cell: Cell) -> Iterator[str]:
    """Find what is wrong with one cell, looked at alone."""
    yield from _RULES[cell.outcome](cell)
    if cell.failed and cell.passed and cell.passed.rung >= cell.failed.rung:
        yield f"passed {cell.passed} is not below failed {cell.failed}"
    if cell.outcome in (Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE):
        if cell.stage is not (cell.failed or cell.passed):
            yield f"stage is {cell.stage}, but passed is {cell.passed} and failed is {cell.failed}"
        yield from _against_checks(cell)


def _identities(results: Results) -> Iterator[str]:
    known = {environment.id for environment in results.environments}
    for identity, count in Counter(environment.id for environment in results.environments).items():
        if count > 1:
            yield f"environment {identity} is there {count} times"
    for key, count in Counter(cell.key for cell in results.cells).items():
        if count > 1:
            yield f"cell {'/'.join(key)} is there {count} times"
    for identity in dict.fromkeys(cell.environment for cell in results.cells):
        if identity not in known:
            yield f"cells of environment {identity}, which is not there"
    for identity in results.missing:
        if identity in known:
            yield f"environment {identity} is there, and told as missing"


def _works(cell: Cell) -> Iterator[str]:
    if cell.failed:
        yield f"works, but failed at {cell.failed}"
    if cell.passed is None:
        yield "works, but passed no stage"
    if cell.trials and cell.trials.passed != cell.trials.of:
        yield f"works, but {cell.trials.passed} of {cell.trials.of} trials passed"


def _broken(cell: Cell) -> Iterator[str]:
    if cell.failed is None:
        yield "broken, but at no stage"
    yield from _silent(cell)
    if not cell.exception and cell.failed not in BUILDING:
        yield "broken without an exception"
    if cell.failed is Stage.TRAIN and cell.trials and cell.trials.passed:
        yield f"broken at train, but {cell.trials.passed} of {cell.trials.of} trials passed: that is unstable"


def _unstable(cell: Cell) -> Iterator[str]:
    if cell.failed is not Stage.TRAIN:
        yield f"unstable at {cell.failed}, where only train is a series of trials"
    if cell.trials is None:
        yield "unstable without trials"
    elif not 0 < cell.trials.passed < cell.trials.of:
        yield f"unstable, but {cell.trials.passed} of {cell.trials.of} trials passed"


def _silent(cell: Cell) -> Iterator[str]:
    # A bare `assert` in a package has no message, and its exception says what can be said.
    if not cell.message and not cell.exception:
        yield f"{cell.outcome} without a message"


_RULES: dict[Outcome, Callable[[Cell], Iterator[str]]] = {
    Outcome.WORKS: _works,
    Outcome.BROKEN: _broken,
    Outcome.UNSTABLE: _unstable,
    Outcome.UNAVAILABLE: _silent,
    Outcome.ERROR: _silent,
}


def _against_checks(cell: Cell) -> Iterator[str]:
    required = [check for check in cell.checks if check.required]
    wrong = {check.stage for check in required if check.outcome not in _PASSING}
    failed = min(wrong, key=lambda stage: stage.rung, default=None)
    # A failed build may have no check at all, and then what is known of it is what the cell says.
    if failed is not cell.failed and (required or cell.failed not in BUILDING):
        yield f"failed is {cell.failed}, but the first required check that did not pass is at {failed}"
    passed = {check.stage for check in required} - wrong
    below = [stage for stage in passed if failed is None or stage.rung < failed.rung]
    highest = max(below, key=lambda stage: stage.rung, default=None)
    if highest and highest is not cell.passed:
        yield f"passed is {cell.passed}, but the highest stage whose required checks passed is {highest}"
    if highest is None and cell.passed and cell.passed not in BUILDING:
        yield f"passed is {cell.passed}, but no required check of it did"
