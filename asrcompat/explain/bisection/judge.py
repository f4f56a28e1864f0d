"""What a release is, from the cell that was run with it: good, bad, or no answer; and how sure that is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from asrcompat.explain.bisection.search import Answer
from asrcompat.model import BoundaryRun, Cell, Device, EnvironmentResult, Outcome, Stage

_LENGTH = 200
_BUILDING = (Stage.RESOLVE, Stage.INSTALL)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked of a release: whether the cell of a path works there, or passes a stage."""

    path: str
    device: Device
    stage: Stage | None = None

    @property
    def told(self) -> str:
        """The question in words."""
        asked = "works" if self.stage is None else f"passes {self.stage}"
        return f"{self.path} on {self.device} {asked}"


def answer(cell: Cell, stage: Stage | None) -> Answer:
    """Good where the cell works, or passes `stage`. What passes and fails is bad, what says nothing is no answer.

    An environment that could not be made says nothing of what would have happened in it: no answer, unless making it
    is what is asked about.
    """
    if cell.outcome in (Outcome.ERROR, Outcome.UNAVAILABLE):
        return Answer.SKIP
    if cell.failed in _BUILDING and stage not in _BUILDING:
        return Answer.SKIP
    if stage is None:
        return Answer.GOOD if cell.outcome is Outcome.WORKS else Answer.BAD
    return Answer.GOOD if cell.passed is not None and cell.passed.rung >= stage.rung else Answer.BAD


def judge(result: EnvironmentResult, question: Question, *, release: str, attempt: int) -> BoundaryRun:
    """What the cell that was asked about says of this release."""
    cell = next(
        (one for one in result.cells if (one.path, one.device) == (question.path, question.device)),
        None,
    )
    if cell is None:
        told = f"no cell of {question.path} on {question.device} came of it"
        return _run(release, attempt, Answer.SKIP, told, result, Outcome.ERROR)
    return BoundaryRun(
        release=release,
        attempt=attempt,
        answer=answer(cell, question.stage).value,
        told=_told(cell),
        environment=result.environment.id,
        outcome=cell.outcome,
        stage=cell.stage,
        exception=cell.exception,
        trials=cell.trials,
    )


def standing(run: BoundaryRun, others: Iterable[BoundaryRun]) -> BoundaryRun:
    """The run as it counts beside others: a release that was once unstable stays bad, whatever another run says."""
    unstable = any(one.release == run.release and one.outcome is Outcome.UNSTABLE for one in others)
    if run.answer != "good" or not unstable:
        return run
    return replace(run, answer="bad", told=f"{run.told} this time, and was unstable before")


def chance_of_a_miss(release: str, runs: Iterable[BoundaryRun], *, stage: Stage | None) -> float | None:
    """The probability that a good release fails as often as the bad ones did, and passed all of its trials by luck.

    None where no release was bad. 0 where all of the bad ones failed always: then one trial tells.
    """
    told = list(runs)
    bad = {run.release for run in told if run.answer == "bad"}
    if not bad:
        return None
    share = min(_failing([run for run in told if run.release == one], stage) for one in bad)
    trials = sum(_trials(run, stage)[1] for run in told if (run.release, run.answer) == (release, "good"))
    return float(round((1 - share) ** trials, 6))


def _failing(runs: Iterable[BoundaryRun], stage: Stage | None) -> float:
    """The share of a release's trials that failed."""
    counted = [_trials(run, stage) for run in runs if run.answer != "skip"]
    return sum(failed for failed, _ in counted) / sum(of for _, of in counted)


def _trials(run: BoundaryRun, stage: Stage | None) -> tuple[int, int]:
    """How many trials failed, of how many. What is broken failed once, whatever trials it passed before."""
    if run.answer == "bad" and run.outcome is Outcome.BROKEN:
        return 1, 1
    if run.trials is not None and stage in (None, Stage.TRAIN):
        return run.trials.of - run.trials.passed, run.trials.of
    return int(run.outcome is not Outcome.WORKS and run.answer == "bad"), 1


def _run(
    release: str, attempt: int, found: Answer, told: str, result: EnvironmentResult, outcome: Outcome
) -> BoundaryRun:
    return BoundaryRun(
        release=release,
        attempt=attempt,
        answer=found.value,
        told=told,
        environment=result.environment.id,
        outcome=outcome,
    )


def _told(cell: Cell) -> str:
    """The cell's outcome on one line, with where and why it failed."""
    trials = (
        "" if cell.trials is None or cell.outcome is not Outcome.UNSTABLE else f" {cell.trials.passed}/{cell.trials.of}"
    )
    at = f" at {cell.failed}" if cell.failed is not None and not trials else ""
    raised = (cell.exception or "").rpartition(".")[2]
    message = " ".join(cell.message.split())
    why = ": ".join(filter(None, [raised, message])) if cell.outcome is not Outcome.WORKS else ""
    text = f"{cell.outcome}{trials}{at}" + (f": {why}" if why else "")
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"
