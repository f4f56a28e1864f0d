"""How a probe's process ended, and what no check told: as checks, by which a cell is judged or that it only carries."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from asrcompat.model import Check, CheckOutcome, Stage
from asrcompat.run.records import Event, Raw
from asrcompat.run.scrub import Scrubber

_LOG_TAIL = 4000

# What ended a probe's process, by the kind that `probe.isolate` gives it, as the type of a cell's failure.
_ENDINGS = {
    "signal": "ProcessKilled",
    "exit": "ProcessExited",
    "deadline": "DeadlineExceeded",
    "silence": "SilenceExceeded",
    "memory": "MemoryLimitExceeded",
    "output": "OutputLimitExceeded",
    "parent": "ProbeDied",
}

# Endings that nothing in the packages explains: the kernel's out-of-memory killer, an operator, a CI that cancels.
_FROM_OUTSIDE = ("signal 1 ", "signal 2 ", "signal 9 ", "signal 15 ")


def death(raw: Raw, scrub: Scrubber) -> list[Check]:
    """The check that a process was at when it ended before it was done.

    Between checks, by a hand from outside, or in a check that may not decide, it says nothing about the packages.
    """
    at = _unfinished(raw)
    ended = raw.last("ended") or {"kind": "parent", "reason": "ended, and nothing is known of how"}
    reason = ended["reason"] or "left before it was done, with exit status 0"
    outside = ended["kind"] == "parent" or any(signal in reason for signal in _FROM_OUTSIDE)
    if raw.climbed:
        # all findings share one deadline: the last one pays for the others
        outcome = CheckOutcome.ERROR if outside or ended["kind"] == "deadline" else CheckOutcome.FAILED
        return [_lost_findings(raw, at, outcome, scrub.text(reason), scrub)]
    message = scrub.text(f"the process {reason}")
    data = {
        "exception": _ENDINGS[ended["kind"]],
        "traceback": scrub.text(raw.log[-_LOG_TAIL:].decode("utf-8", "replace")),
    }
    if at is not None and at["required"] and not outside:
        stage = Stage(at["stage"])
        failed = CheckOutcome.FAILED
        return [Check(id=at["check"], stage=stage, required=True, outcome=failed, message=message, data=data)]
    where = _where(raw)
    told = [] if at is None else [_remark(at["check"], Stage(at["stage"]), message, scrub)]
    undecided = "" if outside else ", at no required check: there is no verdict"
    error = CheckOutcome.ERROR
    return [
        *told,
        Check(id="process", stage=where, required=True, outcome=error, message=message + undecided, data=data),
    ]


def _lost_findings(raw: Raw, at: Event | None, outcome: CheckOutcome, reason: str, scrub: Scrubber) -> Check:
    """The verdict stands; what was still to be found is not."""
    identity = "findings" if at is None else at["check"]
    message = f"the process {reason}; what was still to be tried after this was not"
    tail = scrub.text(raw.log[-_LOG_TAIL:].decode("utf-8", "replace"))
    return replace(_remark(identity, _where(raw), message, scrub, traceback=tail), outcome=outcome)


def fault(fault: Event, raw: Raw, scrub: Scrubber) -> Check:
    """What the probe itself raised outside of every check: an error, unless the verdict was there already."""
    data = scrub.data({key: fault[key] for key in ("exception", "traceback", "causes")})
    message = scrub.text(f"the probe's own fault: {fault['message']}")
    error, required = CheckOutcome.ERROR, not raw.climbed
    return Check(id="probe", stage=_where(raw), required=required, outcome=error, message=message, data=data)


def remarks(raw: Raw, scrub: Scrubber) -> list[Check]:
    """Findings that no check makes: what reached for the network, and what went wrong on the way out."""
    found = []
    stage = Stage.IMPORT
    reached: dict[str, Stage] = {}
    for event in raw.events:
        if event["event"] == "begin":
            stage = Stage(event["stage"])
        elif event["event"] == "network":
            reached.setdefault(event["target"], stage)
    if reached:
        message = "reached for the network and was refused: " + ", ".join(sorted(reached))
        first = min(reached.values(), key=lambda one: one.rung)
        found.append(_remark("network", first, message, scrub, targets={one: str(at) for one, at in reached.items()}))
    late = [event["message"] for event in raw.events if event["event"] == "unraisable"]
    ended = raw.last("ended")
    if not raw.died and ended is not None and ended["reason"] is not None:
        late.append("the process " + ended["reason"])
    if late:
        found.append(_remark("exit", stage, "; ".join(late), scrub))
    if raw.first is not None and (ended := raw.first.last("ended")) is not None:
        tail = scrub.text(raw.first.log[-_LOG_TAIL:].decode("utf-8", "replace"))
        reason = ended["reason"] or "left before it was done"
        message = f"in a first run the process {reason}; this is what a second, fresh one found"
        found.append(_remark("first-run", _where(raw.first), message, scrub, traceback=tail))
    return found


def _remark(identity: str, stage: Stage, message: str, scrub: Scrubber, **data: Any) -> Check:
    return Check(
        id=identity, stage=stage, required=False, outcome=CheckOutcome.FAILED, message=scrub.text(message), data=data
    )


def _unfinished(raw: Raw) -> Event | None:
    """The check that was begun last, unless it was recorded as well."""
    at = None
    for event in raw.events:
        if event["event"] == "begin":
            at = event
        elif event["event"] == "check":
            at = None
    return at


def _where(raw: Raw) -> Stage:
    at = raw.last("begin")
    return Stage.IMPORT if at is None else Stage(at["stage"])
