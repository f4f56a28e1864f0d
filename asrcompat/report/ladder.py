"""One cell's climb: each stage with its checks, and what was measured on the way."""

from __future__ import annotations

from dataclasses import dataclass

from asrcompat.model import Cell, Check, CheckOutcome, Features, Stage
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


def measured(cell: Cell) -> tuple[tuple[str, str], ...]:
    """Gather what is known of the cell besides its ladder: remedy, measurements, versions, and the proof of the run."""
    evidence = cell.evidence
    facts = {
        "remedy": cell.remedy or "",
        "features": features(cell.features) if cell.features else "",
        "trials": f"{cell.trials.passed} of {cell.trials.of} passed" if cell.trials else "",
        "times": ", ".join(f"{name} {words.seconds(value)}" for name, value in cell.seconds.items()),
        "versions": ", ".join(f"{name} {version}" for name, version in evidence.versions.items()) if evidence else "",
        "run": f"process {evidence.pid}, {evidence.mode}, {evidence.started}" if evidence else "",
        "log sha256": evidence.log_sha256 if evidence else "",
    }
    return tuple((name, text) for name, text in facts.items() if text)


def features(measured_features: Features) -> str:
    """Put the features into words; what was not measured is left out."""
    parts = [
        "" if measured_features.width is None else f"{measured_features.width} wide",
        "" if measured_features.frames is None else f"{measured_features.frames} frames",
        "" if measured_features.parity is None else f"differ from the reference by {measured_features.parity:.2g}",
        "" if measured_features.follows is None else f"follow {measured_features.follows} input",
    ]
    return ", ".join(filter(None, parts))


def _together(checks: tuple[Check, ...]) -> CheckOutcome:
    required = [check.outcome for check in checks if check.required]
    bad = [outcome for outcome in required if outcome in _NOT_PASSED]
    if bad:
        return bad[0]
    return CheckOutcome.PASSED if CheckOutcome.PASSED in required else CheckOutcome.SKIPPED


def _line(check: Check) -> str:
    return f"{words.CHECK_SIGNS[check.outcome]} {check.id}" + (f": {check.message}" if check.message else "")
