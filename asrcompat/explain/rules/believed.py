"""Which passes count: beside failures that come and go, one may have been luck."""

from __future__ import annotations

from collections.abc import Mapping

from asrcompat.explain.bisection.along import LUCK
from asrcompat.explain.seen import Fared, Subject
from asrcompat.model import Cell, Outcome


def believed(told: Mapping[Subject, Fared], known: Mapping[tuple[str, str, str], Cell]) -> dict[Subject, Fared]:
    """What fared well only where that was no luck: beside failures that come and go, few trials prove nothing."""
    return {
        subject: {
            one: failed
            for one, failed in environments.items()
            if failed or _luck(_share(subject, environments, known), known[one, *subject.place]) <= LUCK
        }
        for subject, environments in told.items()
    }


def _share(subject: Subject, environments: Fared, known: Mapping[tuple[str, str, str], Cell]) -> float:
    """The share of trials that fail where fewest do; 1 where the failure does not come and go.

    Only an unstable cell's trials tell: what is broken fails for sure, and may do so after every trial has passed.
    """
    failing = [known[one, *subject.place] for one, failed in environments.items() if failed]
    trials = [one.trials for one in failing if one.outcome is Outcome.UNSTABLE and one.trials is not None]
    return min((1 - one.passed / one.of for one in trials), default=1.0)


def _luck(share: float, cell: Cell) -> float:
    """The probability that a cell which fails in this share of its trials passed all that it had."""
    return 0.0 if share == 1 else float((1 - share) ** (0 if cell.trials is None else cell.trials.passed))
