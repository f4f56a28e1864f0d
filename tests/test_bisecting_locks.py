"""The search between two locks, over a laboratory that makes nothing: which change is blamed, and how surely."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from factories import make_cell, make_environment, make_environment_result

from asrcompat.bisecting import locks, tries
from asrcompat.explain.bisection.judge import Question
from asrcompat.explain.bisection.locks import Difference, differences
from asrcompat.lab.change import Change
from asrcompat.model import BoundaryRun, Device, EnvironmentResult, Outcome, Stage, Trials
from asrcompat.run.lock import Lock
from asrcompat.run.progress import Progress
from asrcompat.run.session import NotBuilt
from asrcompat.spec import Request


class Steps:
    """A laboratory where a set of changes with `culprit` fails some of ten steps, another number in each attempt."""

    def __init__(self, culprit: str, passed: tuple[int, ...]) -> None:
        self.culprit = culprit
        self.passed = passed
        self.ran: list[tuple[bool, int]] = []

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        bad = f"{self.culprit}==2" in {one.value for one in changes}
        self.ran.append((bad, attempt))
        # alone it passes all of its steps at first: luck
        late = bad and sum(one.value.endswith("==2") for one in changes) == 1
        passed = self.passed[min(attempt + late, len(self.passed) - 1)] if bad else 10
        outcome = Outcome.WORKS if passed == 10 else Outcome.UNSTABLE if passed else Outcome.BROKEN
        trials = Trials(passed=passed, of=10)
        return make_environment_result(cells=[make_cell(path="s3prl-hf", outcome=outcome, trials=trials)])

    def done(self, environment: str, run: BoundaryRun) -> None:
        """Nothing is there to be given back."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class AllResolve(tries.Tries):
    def _resolve(self, chosen: Sequence[Difference]) -> Lock:
        return Lock("")


def search_between(lab: Any, made: type[tries.Tries] = AllResolve) -> int:
    request = Request(python="3.10", torch="2", torchaudio="2", transformers="4", s3prl="1", espnet="1")
    asked = made(
        before={"one": "1", "two": "1"},
        request=request,
        question=Question(path="s3prl-hf", device=Device.CPU),
        asof=cast("Any", SimpleNamespace(sources=None)),
        rules=(),
        lab=lab,
        progress=Progress(quiet=True),
    )
    return locks._search(asked, differences({"one": "1", "two": "1"}, {"one": "2", "two": "2"}))


def test_between_two_locks_a_change_that_passes_by_luck_is_run_again(capsys: pytest.CaptureFixture[str]) -> None:
    lab = Steps("two", passed=(8, 10, 7))  # the second lock passes 8 of 10, `two` alone 10 at first and then 7
    assert search_between(lab) == 0
    said = capsys.readouterr().out
    assert "breaks:\n  two 1 → 2\n  seen: unstable 7/10" in said
    found = re.search(r"at most (\S+)\n", said)
    assert found is not None
    assert 0 < float(found[1]) <= 0.01
    assert max(attempt for bad, attempt in lab.ran if not bad) >= 1


class FirstFails(Steps):
    """A laboratory where the first lock is broken, and the second one is not."""

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        self.ran.append((bool(changes), attempt))
        outcome = Outcome.WORKS if f"{self.culprit}==2" in {one.value for one in changes} else Outcome.BROKEN
        return make_environment_result(cells=[make_cell(path="s3prl-hf", outcome=outcome)])


def test_where_the_first_of_two_locks_is_bad_the_second_is_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    lab = FirstFails("two", passed=())
    assert search_between(lab) == 3
    assert "nothing to search for: the first lock is bad" in capsys.readouterr().out
    assert [attempt for _, attempt in lab.ran] == [0]


def test_between_two_locks_what_fails_always_is_not_run_again(capsys: pytest.CaptureFixture[str]) -> None:
    lab = Steps("two", passed=(0,))
    assert search_between(lab) == 0
    assert "breaks:\n  two 1 → 2\n" in capsys.readouterr().out
    assert lab.ran == [(False, 0), (True, 0), (False, 0), (True, 0), (False, 1), (True, 1)]


def test_between_two_locks_luck_that_is_not_ruled_out_is_not_believed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tries, "ATTEMPTS", 2)
    assert search_between(Steps("two", passed=(9, 9))) == 3
    said = capsys.readouterr().out
    assert "not sure (" in said
    assert "at most 0.12\n" in said


class Faulty(Steps):
    """One where `two` breaks, and where the run of `two` alone ends in an error of the harness."""

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        with_two, with_one = (f"{name}==2" in {one.value for one in changes} for name in ("two", "one"))
        outcome = Outcome.WORKS if not with_two else Outcome.BROKEN if with_one else Outcome.ERROR
        message = "the disk is full" if outcome is Outcome.ERROR else ""
        return make_environment_result(cells=[make_cell(path="s3prl-hf", outcome=outcome, message=message)])


def test_between_two_locks_an_error_of_ours_blames_no_innocent_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert search_between(Faulty("two", passed=(0,))) == 3
    said = capsys.readouterr().out
    assert said.startswith("not sure (less of it may break as well")
    assert "not known: whether it breaks with two 1 → 2 alone: error" in said
    assert "the disk is full" in said


@dataclasses.dataclass(frozen=True, kw_only=True)
class NeitherAlone(tries.Tries):
    def _resolve(self, chosen: Sequence[Difference]) -> Lock | tries.NoLock:
        return tries.NoLock(told="does not resolve") if len(chosen) == 1 else Lock("")


def test_between_two_locks_what_does_not_resolve_alone_cannot_be_told_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert search_between(Steps("two", passed=(0,)), NeitherAlone) == 0
    assert (
        "breaks:\n  one 1 → 2\n  two 1 → 2\n  these cannot be told apart any further; there is no environment "
        "with one 1 → 2 alone: does not resolve; nor with two 1 → 2 alone: does not resolve"
    ) in capsys.readouterr().out


@dataclasses.dataclass(frozen=True, kw_only=True)
class OfflineAlone(tries.Tries):
    """The real resolution, of which the index answers for sets of two only."""

    def _resolve(self, chosen: Sequence[Difference]) -> Lock | tries.NoLock:
        return Lock("") if len(chosen) != 1 else tries.Tries._resolve(self, chosen)


def test_between_two_locks_an_index_that_does_not_answer_is_no_conflict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing = NotBuilt(outcome=Outcome.ERROR, stage=Stage.RESOLVE, message="no answer")
    monkeypatch.setattr(tries, "prepare", lambda *_: (make_environment(), nothing))
    assert search_between(Steps("two", passed=(0,)), OfflineAlone) == 3
    assert "not known: whether it breaks with one 1 → 2 alone: no answer" in capsys.readouterr().out


class Late(Steps):
    """One where the second lock passes at first, and `two` alone fails as often as `passed` says."""

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        passed = self.passed[min(attempt, len(self.passed) - 1)]
        bad = f"{self.culprit}==2" in {one.value for one in changes}
        self.ran.append((bad, attempt))
        outcome = Outcome.WORKS if not bad or passed == 10 else Outcome.UNSTABLE
        trials = Trials(passed=passed if bad else 10, of=10)
        return make_environment_result(cells=[make_cell(path="s3prl-hf", outcome=outcome, trials=trials)])


def test_between_two_locks_a_second_lock_that_passes_by_luck_is_run_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert search_between(lab := Late("two", passed=(10, 10, 5))) == 0
    assert "breaks:\n  two 1 → 2\n" in capsys.readouterr().out
    assert (True, 3) in lab.ran
    assert search_between(Late("two", passed=(10,))) == 3
    assert "nothing to search for: the second lock is good, not bad" in capsys.readouterr().out


def test_between_two_locks_what_passed_passes_again_where_the_second_runs_fail_less_often(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """At first 5 of 10 steps fail, of which 10 that pass tell enough; then 1 of 10."""
    assert search_between(lab := Late("two", passed=(5, 9))) == 0
    found = re.search(r"at most (\S+)\n", capsys.readouterr().out)
    assert found is not None
    # `two` alone failed 6 of 20 by then, and each set that passed has 20 trials: the first runs alone said 0.00098
    assert float(found[1]) == pytest.approx(0.7**20, rel=0.1)
    assert sum(not bad for bad, _ in lab.ran) == 4
