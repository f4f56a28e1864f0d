"""From what a probe left to a cell: the ladder's rules, and nothing else.

No version, table or baseline is looked at here: a cell's outcome comes from its checks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from asrcompat.model import Cell, Check, CheckOutcome, Device, Evidence, Features, Outcome, Stage, Trials
from asrcompat.run import endings
from asrcompat.run.records import Event, Raw
from asrcompat.run.scrub import Scrubber

_CLIMBED = tuple(stage for stage in Stage if Stage.IMPORT.rung <= stage.rung <= Stage.TRAIN.rung)

# Required, and may be skipped: where the reference path did not come so far, the harness's own reference decides.
_MAY_SKIP = ("parity-path",)


def cell(environment: str, raw: Raw, scrub: Scrubber) -> Cell:
    """The cell of one path on one device, from its record."""
    checks = [_check(event, scrub) for event in raw.events if event["event"] == "check"]
    if raw.died:
        checks += endings.death(raw, scrub)
    elif (fault := raw.last("fault")) is not None:
        checks.append(endings.fault(fault, raw, scrub))
    checks += endings.remarks(raw, scrub)
    passed, failed = climbed(checks)
    decisive = _decisive(checks, failed)
    outcome = _outcome(decisive, passed, failed)
    if (absent := raw.last("no-device")) is not None:
        return without_run(environment, raw.path, raw.device, Outcome.UNAVAILABLE, None, absent["message"])
    message = "" if decisive is None else decisive.message
    if outcome is Outcome.ERROR and decisive is None:
        message = "the probe left no record of what it did"
    return Cell(
        environment=environment,
        path=raw.path,
        device=raw.device,
        outcome=outcome,
        stage=failed or passed,
        passed=passed,
        failed=failed,
        exception=None if decisive is None else decisive.data.get("exception"),
        message=message,
        checks=tuple(sorted(checks, key=lambda check: check.stage.rung)),
        features=_features(checks),
        trials=_trials(checks),
        evidence=_evidence(raw),
        seconds=_seconds(raw),
    )


def without_run(
    environment: str,
    path: str,
    device: Device,
    outcome: Outcome,
    stage: Stage | None,
    message: str,
    exception: str | None = None,
) -> Cell:
    """The cell of a path that was never probed: no such device or interpreter, or no environment to run in.

    `exception` names what kept the environment from being made, where that is a verdict on the packages.
    """
    below = None if stage is None or stage.rung == 0 else list(Stage)[stage.rung - 1]
    failed = stage if outcome is Outcome.BROKEN else None
    return Cell(
        environment=environment,
        path=path,
        device=device,
        outcome=outcome,
        stage=stage,
        passed=below if failed else None,
        failed=failed,
        exception=exception,
        message=message,
        checks=() if failed is None else (_not_made(failed, message, exception),),
    )


def _not_made(stage: Stage, message: str, exception: str | None) -> Check:
    data = {"exception": exception, "traceback": message}
    return Check(id=stage.value, stage=stage, required=True, outcome=CheckOutcome.FAILED, message=message, data=data)


def climbed(checks: Iterable[Check]) -> tuple[Stage | None, Stage | None]:
    """The highest stage whose required checks all passed, and the first with one that did not."""
    required = [check for check in checks if check.required]
    passed = None
    for stage in _CLIMBED:
        of_stage = [check for check in required if check.stage is stage]
        if not of_stage:
            break
        if any(not _stands(check) for check in of_stage):
            return passed or Stage.INSTALL, stage
        passed = stage
    return passed, None


def _stands(check: Check) -> bool:
    """Whether a required check lets the climb go on: a skipped one does only where skipping is foreseen."""
    return check.outcome is CheckOutcome.PASSED or (check.outcome is CheckOutcome.SKIPPED and check.id in _MAY_SKIP)


def _outcome(decisive: Check | None, passed: Stage | None, failed: Stage | None) -> Outcome:
    if decisive is not None:
        return {
            CheckOutcome.FAILED: Outcome.BROKEN,
            CheckOutcome.UNSTABLE: Outcome.UNSTABLE,
            CheckOutcome.ERROR: Outcome.ERROR,
            CheckOutcome.SKIPPED: Outcome.ERROR,
        }[decisive.outcome]
    # a record that ends early without a failure is no success
    return Outcome.WORKS if passed is Stage.TRAIN and failed is None else Outcome.ERROR


def _decisive(checks: Sequence[Check], failed: Stage | None) -> Check | None:
    """The check that decided: the first required one of the failed stage that did not pass."""
    return next(
        (check for check in checks if check.required and check.stage is failed and not _stands(check)),
        None,
    )


def _check(event: Event, scrub: Scrubber) -> Check:
    return Check(
        id=event["id"],
        stage=Stage(event["stage"]),
        required=event["required"],
        outcome=CheckOutcome(event["outcome"]),
        message=scrub.text(event["message"]),
        data=scrub.data(event["data"]),
        seconds=event["seconds"],
    )


def _data(checks: Iterable[Check], identity: str) -> dict[str, Any]:
    return next((dict(check.data) for check in checks if check.id == identity), {})


def _features(checks: Sequence[Check]) -> Features | None:
    shape, parity = _data(checks, "shape"), _data(checks, "parity")
    if not shape:
        return None
    return Features(
        width=shape.get("width"),
        frames=shape.get("frames"),
        parity=parity.get("parity"),
        follows=parity.get("follows"),
        padded=parity.get("padded"),
    )


def _trials(checks: Sequence[Check]) -> Trials | None:
    data = _data(checks, "trials")
    return Trials(passed=data["passed"], of=data["of"]) if "passed" in data else None


def _evidence(raw: Raw) -> Evidence | None:
    started = raw.last("started")
    if started is None:
        return None
    child, static = raw.last("child"), raw.last("static")
    return Evidence(
        pid=started["pid"] if child is None else child["pid"],
        started=started["started"],
        log_sha256=raw.sha256(),
        versions=started["versions"],
        mode=started["mode"],
        threads=None if static is None else static["threads"],
    )


def _seconds(raw: Raw) -> dict[str, float]:
    seconds = {event["stage"]: event["seconds"] for event in raw.events if event["event"] == "stage"}
    importing = next((event for event in raw.events if event["event"] == "check" and event["stage"] == "import"), None)
    findings = [event["seconds"] for event in raw.events if event["event"] == "finding"]
    if findings:
        seconds["findings"] = round(sum(findings), 3)
    return seconds if importing is None else {"import": importing["seconds"], **seconds}
