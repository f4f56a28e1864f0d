"""One cell's climb: each stage with its checks."""

from __future__ import annotations

from dataclasses import dataclass

from asrcompat.model import Cell, Check, CheckOutcome, Stage
from asrcompat.report import words

_NOT_PASSED = (CheckOutcome.FAILED, CheckOutcome.UNSTABLE, CheckOutcome.ERROR)


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A stage that was reached, with the outcome of its required checks taken together."""

    stage: Stage
    outcome: CheckOutcome
    checks: tuple[Check, ...]
    seconds: str

    @property
    def sign(self) -> str:
        """One character for the stage's outcome."""
        return words.CHECK_SIGNS[self.outcome]

    @property
    def lines(self) -> tuple[str, ...]:
        """Each required check in a line, sign, name and what it has to say; the others are told apart, and counted."""
        others = sum(not check.required for check in self.checks)
        counted = (f"{words.plural(others, 'check')} beside, deciding nothing",) if others else ()
        return (*(_line(check) for check in self.checks if check.required), *counted)


def rungs(cell: Cell) -> tuple[Rung, ...]:
    """Give the stages that the cell has required checks for, in climbing order; none where nothing ran."""
    climbed = []
    for stage in Stage:
        checks = tuple(check for check in cell.checks if check.stage is stage)
        if any(check.required for check in checks):
            taken = cell.seconds.get(stage.value)
            text = "" if taken is None else words.seconds(taken)
            climbed.append(Rung(stage=stage, outcome=_together(checks), checks=checks, seconds=text))
    return tuple(climbed)


def _together(checks: tuple[Check, ...]) -> CheckOutcome:
    required = [check.outcome for check in checks if check.required]
    bad = [outcome for outcome in required if outcome in _NOT_PASSED]
    if bad:
        return bad[0]
    return CheckOutcome.PASSED if CheckOutcome.PASSED in required else CheckOutcome.SKIPPED


def _line(check: Check) -> str:
    return f"{words.CHECK_SIGNS[check.outcome]} {check.id}" + (f": {check.message}" if check.message else "")
