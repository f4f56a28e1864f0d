"""What a release is, from the cell that ran; and how likely a good one only seemed so."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

import pytest
from factories import make_cell, make_environment, make_environment_result

from asrcompat.explain.bisection.along import LUCK, Releases, boundary, changes_to
from asrcompat.explain.bisection.judge import Question, answer, chance_of_a_miss, judge
from asrcompat.explain.bisection.search import ATTEMPTS, Answer, Turn, bisect, outward
from asrcompat.explain.bisection.surer import surer
from asrcompat.lab.change import Change
from asrcompat.model import BoundaryRun, Cell, Device, EnvironmentResult, Outcome, Stage, Trials
from asrcompat.spec import Request, torch_for, torchaudio_for

ASKED = Question(path="transformers", device=Device.CPU)
REQUEST = Request(
    python="3.10", torch="2.3.1", torchaudio="2.3.1", transformers="4.41.2", s3prl="0.4.15", espnet="202402",
    extras=("six==1.16.0",),
)  # fmt: skip


def cell(outcome: Outcome, failed: Stage | None = None, **changes: Any) -> Cell:
    return make_cell(outcome=outcome, failed=failed, **changes)


@pytest.mark.parametrize(
    ("made", "stage", "expected"),
    [
        (cell(Outcome.WORKS), None, Answer.GOOD),
        (cell(Outcome.WORKS), Stage.TRAIN, Answer.GOOD),
        (cell(Outcome.UNSTABLE), None, Answer.BAD),
        (cell(Outcome.UNSTABLE), Stage.TRAIN, Answer.BAD),
        (cell(Outcome.UNSTABLE), Stage.STEP, Answer.GOOD),
        (cell(Outcome.BROKEN, Stage.LOAD), None, Answer.BAD),
        (cell(Outcome.BROKEN, Stage.LOAD), Stage.IMPORT, Answer.GOOD),
        (cell(Outcome.BROKEN, Stage.LOAD), Stage.LOAD, Answer.BAD),
        (cell(Outcome.BROKEN, Stage.RESOLVE), None, Answer.SKIP),
        (cell(Outcome.BROKEN, Stage.INSTALL), Stage.IMPORT, Answer.SKIP),
        (cell(Outcome.BROKEN, Stage.RESOLVE), Stage.INSTALL, Answer.BAD),
        (cell(Outcome.BROKEN, Stage.INSTALL, passed=Stage.RESOLVE), Stage.RESOLVE, Answer.GOOD),
        (cell(Outcome.ERROR, Stage.LOAD), Stage.IMPORT, Answer.SKIP),
        (cell(Outcome.UNAVAILABLE), None, Answer.SKIP),
    ],
)
def test_a_cell_answers_what_is_asked_and_no_more(made: Cell, stage: Stage | None, expected: Answer) -> None:
    assert answer(made, stage) is expected


def test_a_result_without_the_cell_gives_no_answer() -> None:
    result = make_environment_result()
    asked = Question(path="torchaudio-hf", device=Device.CPU)
    assert judge(result, asked, release="1", attempt=0).answer == "skip"
    assert judge(result, ASKED, release="1", attempt=0).answer == "good"


def run(release: str, said: Any, passed: int = 10, attempt: int = 0) -> BoundaryRun:
    outcome = Outcome.WORKS if passed == 10 else Outcome.UNSTABLE if passed else Outcome.BROKEN
    trials = Trials(passed=passed, of=10) if passed else None
    return BoundaryRun(
        release=release, attempt=attempt, answer=said, told="", environment="e", outcome=outcome, trials=trials
    )


def test_the_chance_of_a_miss_follows_from_how_often_the_bad_ones_fail() -> None:
    good = [run("1", "good"), run("1", "good", attempt=1)]
    assert chance_of_a_miss("1", good, stage=None) is None
    assert chance_of_a_miss("1", [*good, run("2", "bad", 0)], stage=None) == 0
    assert chance_of_a_miss("1", [*good, run("2", "bad", 9)], stage=None) == pytest.approx(0.9**20, abs=1e-6)
    # the least often failing one decides, from all of its steps
    several = [*good, run("3", "bad", 5), run("2", "bad", 8), run("2", "bad", 10, attempt=1)]
    assert chance_of_a_miss("1", several, stage=None) == pytest.approx(0.9**20, abs=1e-6)
    # a stage below the steps is passed or not
    assert chance_of_a_miss("1", [*good, run("2", "bad", 0)], stage=Stage.IMPORT) == 0


def test_what_breaks_after_steps_that_all_passed_failed_all_the_same() -> None:
    own_training = dataclasses.replace(run("2", "bad", 10), outcome=Outcome.BROKEN)
    for stage in (None, Stage.TRAIN):
        assert chance_of_a_miss("1", [run("1", "good"), own_training], stage=stage) == 0


class FakeLab:
    """Answers by release and attempt: how many of ten steps pass."""

    def __init__(self, passed: dict[str, list[int]]) -> None:
        self.passed = passed
        self.ran: list[tuple[str, int]] = []

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        release = changes[0].value.partition("=")[2] if changes else "5"
        self.ran.append((release, attempt))
        series = self.passed[release]
        passed = series[min(attempt, len(series) - 1)]
        environment = make_environment(f"e-{release}")
        trials = Trials(passed=passed, of=10)
        outcome = Outcome.WORKS if passed == 10 else Outcome.UNSTABLE
        return make_environment_result(environment, [make_cell(environment, "transformers", outcome, trials=trials)])

    def free(self, keep: Collection[str]) -> int:
        return 0


def releases(lab: FakeLab, **changes: Any) -> Releases:
    return Releases(lab, REQUEST, package="transformers", own="5", question=ASKED, tell=lambda _: None, **changes)


def test_a_release_that_was_unstable_once_stays_bad() -> None:
    lab = FakeLab({"1": [10], "2": [9, 10], "3": [8, 10]})
    asked = releases(lab)
    found = bisect(["1", "2", "3"], good="1", bad="3", ask=asked.ask)
    assert (found.verdict, found.good, found.bad) == ("found", "1", "2")
    assert "unstable before" in found.told


def sure(lab: FakeLab, *, good: str, bad: str) -> Turn:
    line = sorted(lab.passed)
    asked = releases(lab)
    return surer(bisect(line, good=good, bad=bad, ask=asked.ask), asked, line, stage=None)


def test_the_last_good_one_is_run_until_luck_is_ruled_out() -> None:
    lab = FakeLab({"1": [10], "2": [9]})
    asked = releases(lab)
    found = surer(bisect(["1", "2"], good="1", bad="2", ask=asked.ask), asked, ["1", "2"], stage=None)
    assert found.verdict == "found"
    assert [attempt for release, attempt in lab.ran if release == "1"] == [0, 1, 2, 3, 4]
    assert (chance_of_a_miss("1", asked.runs.values(), stage=None) or 1) < 0.01
    assert sure(FakeLab({"1": [10, 10, 7], "2": [9]}), good="1", bad="2").verdict == "unsure"  # there is none before


@pytest.mark.parametrize("names", ["12345", "54321"])
def test_a_last_good_one_that_fails_late_moves_the_turn_to_before_it(names: str) -> None:
    first, second, late, *bad = list(names)
    made = FakeLab({first: [10], second: [10], late: [10, 10, 7], **{one: [9] for one in bad}})
    found = sure(made, good=first, bad=bad[-1])
    assert (found.verdict, found.good, found.bad) == ("found", second, late)
    assert len(made.ran) == len(set(made.ran))  # nothing twice
    told = {(one.release, one.attempt): one.answer for one in found.asked}
    assert [told[late, attempt] for attempt in range(4)] == [Answer.GOOD, Answer.GOOD, Answer.BAD, Answer.BAD]
    assert told[bad[0], 0] is Answer.BAD  # the way that led there is told as well


def test_a_named_bad_end_that_passes_by_luck_is_asked_again_before_it_is_contradicted() -> None:
    lab = FakeLab({"1": [10], "2": [10], "3": [10, 10, 6]})
    found = sure(lab, good="1", bad="3")
    assert (found.verdict, found.good, found.bad) == ("found", "2", "3")
    assert [attempt for release, attempt in lab.ran if release == "3"] == [0, 1, 2, 3]


def test_luck_that_is_not_ruled_out_after_all_attempts_is_not_believed() -> None:
    lab = FakeLab({"1": [10], "2": [9, 10]})  # 1 of 20 steps fails: 0.95 to the 80th is 0.0165
    asked = releases(lab)
    found = surer(bisect(["1", "2"], good="1", bad="2", ask=asked.ask), asked, ["1", "2"], stage=None)
    assert (found.verdict, found.good, found.bad) == ("unsure", "1", "2")
    assert [attempt for release, attempt in lab.ran if release == "1"] == list(range(ATTEMPTS))
    assert (chance_of_a_miss("1", asked.runs.values(), stage=None) or 0) > LUCK


def test_a_newest_release_that_passes_once_and_fails_then_is_a_limit() -> None:
    line = ["5", "6", "7"]
    asked = releases(FakeLab({"5": [10], "6": [10], "7": [10, 7]}))
    found = surer(outward(line, start="5", step=1, ask=asked.ask), asked, line, stage=None)
    assert (found.verdict, found.good, found.bad) == ("found", "6", "7")


def test_where_the_bad_one_fails_always_no_further_run_is_needed() -> None:
    lab = FakeLab({"1": [10], "2": [0]})
    sure(lab, good="1", bad="2")
    assert lab.ran == [("1", 0), ("2", 0), ("1", 1), ("2", 1)]


def test_what_is_refused_is_never_run_and_the_reason_is_published() -> None:
    lab = FakeLab({"4": [0], "5": [10], "6": [10]})
    line = ["4", "5", "6", "7"]
    asked = releases(lab, refused=lambda release: "excluded" if release == "7" else None)
    found = outward(line, start="5", step=1, ask=asked.ask)
    made = boundary(
        found, asked, line, environment="e", axis="transformers", question=ASKED, step=1, differs={}, commit="c"
    )
    assert (made.verdict, made.last_good, made.skipped) == ("open", "6", {"7": "excluded"})
    assert lab.ran == [("5", 0), ("6", 0), ("6", 1)]
    assert made.line == ("4", "7")


def test_what_moves_a_package() -> None:
    def said(package: str, version: str, request: Request = REQUEST) -> list[str]:
        return [f"{one.kind} {one.value}" for one in changes_to(request, package, version)]

    together = ["axis torch=2.9.0", "axis torchaudio=2.9.0"]
    assert said("torch", "2.9.0") == said("torchaudio", "2.9.0") == together
    assert said("torchaudio", "0.13.1") == ["axis torch=1.13.1", "axis torchaudio=0.13.1"]
    assert said("s3prl", "0.4.16") == ["axis s3prl=0.4.16"]
    assert said("espnet-s3prl", "2026.5.14") == ["axis s3prl=espnet-s3prl 2026.5.14"]
    assert said("six", "1.17.0") == ["extra six==1.17.0"]
    assert said("six", "1.17.0", dataclasses.replace(REQUEST, extras=())) == ["pin six==1.17.0"]


@pytest.mark.parametrize("torch", ["1.13.1", "2.0.0", "2.11.0", "newest"])
def test_torch_of_torchaudio_is_the_rule_the_other_way_round(torch: str) -> None:
    assert torch_for(torchaudio_for(torch)) == torch
