"""What a search gives back on the way, and how few installations it so takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from disk_in_numbers import (
    OWN,
    REQUEST,
    UNRESOLVED,
    Disk,
    Lab,
    ask,
    lock_of,
    make_disk,
    release,
    tidy,
)
from factories import make_environment_result

from asrcompat.errors import HarnessError
from asrcompat.model import EnvironmentResult, Outcome
from asrcompat.run import uv
from asrcompat.run.process import Finished
from asrcompat.spec import Spec


@pytest.fixture
def disk(spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return make_disk(spec, tmp_path, monkeypatch)


# what is large, and what nothing points to then
CLEANED = [["cache", "clean", "--quiet", "nvidia-cudnn", "torch"], ["cache", "prune", "--quiet"]]


def test_the_newest_good_and_bad_stay_and_large_distributions_leave_the_cache(disk: Disk) -> None:
    lab = tidy(disk, budget=100.0)
    for version, answer in (("1", "good"), ("2", "bad"), ("3", "good"), ("4", "skip")):
        ask(lab, version, answer)
    assert disk.freed == [("1",), ("1", "2"), ("2", "3"), ("2", "3")]
    assert disk.cleaned == [*CLEANED] * 4
    assert lab.installs == 4


def test_where_the_next_stack_would_not_fit_one_has_to_go_and_is_run_again_before(disk: Disk) -> None:
    disk.stack = 5.5
    lab = tidy(disk)
    for version, answer in (("1", "good"), ("2", "bad"), ("3", "bad")):
        ask(lab, version, answer)
    assert [(version, attempt) for version, attempt, _ in disk.ran] == [("1", 0), ("2", 0), ("1", 1), ("3", 0)]
    assert disk.there == ["3"]
    lab.run(REQUEST, release("1"), attempt=1)  # known: nothing is built for it
    assert lab.installs == 3
    assert disk.most <= 15.0


def test_what_is_there_or_remembered_needs_no_room(disk: Disk) -> None:
    lab = tidy(disk)
    for version, answer in (("1", "good"), ("2", "bad")):
        ask(lab, version, answer)
    disk.others = 4.0
    disk.elsewhere = {"3"}
    disk.known["4", 0] = make_environment_result()
    for version, attempt in (("1", 1), ("2", 1), ("3", 0), ("4", 0), (UNRESOLVED, 0)):
        lab.run(REQUEST, release(version), attempt=attempt)
    assert sorted(disk.there) == ["1", "2"]
    assert lab.installs == 2


def test_what_an_installation_took_counts_and_no_guess(disk: Disk) -> None:
    disk.stack = 2.0
    lab = tidy(disk, budget=7.5)
    for version, answer in (("1", "good"), ("2", "bad"), ("3", "good")):
        ask(lab, version, answer)
    assert [attempt for _, attempt, _ in disk.ran] == [0, 0, 0]  # three of 2 GB fit, which three of 7.5 would not
    assert disk.freed == [("1",), ("1", "2"), ("2", "3")]


def test_what_others_have_built_stays_while_there_is_other_room(disk: Disk) -> None:
    disk.there = ["0"]
    said: list[str] = []
    lab = tidy(disk, tell=said.append)
    for version, answer in (("1", "good"), ("2", "bad"), ("3", "bad")):
        ask(lab, version, answer)
    assert disk.there == ["0", "3"]  # those of the search went first
    lab.close()
    assert disk.there == ["0"]
    assert not any("others" in text for text in said)


def test_what_others_have_built_goes_where_no_other_room_is_left_and_that_is_said(disk: Disk) -> None:
    disk.there = ["0", OWN]
    disk.others = 1.0
    said: list[str] = []
    lab = tidy(disk, tell=said.append, returns=True)
    ask(lab, OWN)
    ask(lab, "1")
    assert disk.there == ["1"]
    assert "disk: no room else, so what others have built in the laboratory goes: 0, own" in said
    assert [(version, attempt) for version, attempt, _ in disk.ran] == [(OWN, 0), (OWN, 1), ("1", 0)]


def test_what_others_have_built_of_the_same_release_is_used_and_left(disk: Disk) -> None:
    disk.there = ["1"]
    lab = tidy(disk, budget=100.0)
    for version in ("1", "2"):
        ask(lab, version)
    lab.close()
    assert (disk.there, lab.installs) == (["1"], 1)


def test_what_the_search_returns_to_is_run_a_second_time_before_it_goes(disk: Disk) -> None:
    lab = tidy(disk, budget=100.0, returns=True)
    for version in (OWN, "1", "2"):
        ask(lab, version)
    assert [(version, attempt) for version, attempt, _ in disk.ran] == [(OWN, 0), ("1", 0), (OWN, 1), ("2", 0)]
    assert disk.there == ["2"]
    lab.run(REQUEST, (), attempt=1)
    assert lab.installs == 3


def test_an_attempt_that_was_made_with_other_packages_proves_nothing(disk: Disk) -> None:
    lab = tidy(disk)
    ask(lab, "1")
    lab.run(REQUEST, release("1"), attempt=1)
    assert lab.lock(REQUEST, release("1")) is lock_of("1")
    assert lab.lock(REQUEST, release("2")) is None  # which did not run
    disk.resolved["1", 2] = "of other packages"
    with pytest.raises(HarnessError, match="1 was run again with other packages than before"):
        lab.run(REQUEST, release("1"), attempt=2)
    disk.resolved["3", 0] = "of other packages"
    lab.run(REQUEST, release("3"))
    assert lab.lock(REQUEST, release("3")) is None  # not what was resolved before it ran


def test_where_no_room_can_be_made_the_search_ends_and_says_so(disk: Disk) -> None:
    lab = tidy(disk, budget=4.0)
    with pytest.raises(HarnessError, match=r"needs about 7\.5 GB.*more than --disk 4;.*does not run again"):
        ask(lab, "1")
    assert (disk.ran, disk.freed) == ([], [()])


def test_a_cache_that_gives_nothing_back_is_told(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = Finished(code=2, output="the cache is locked", timed_out=False, seconds=0.0)
    monkeypatch.setattr(uv, "command", lambda *_, **__: locked)
    said: list[str] = []
    ask(tidy(disk, tell=said.append), "1")
    assert said[0] == "uv's cache keeps nvidia-cudnn, torch: the cache is locked"


def test_a_search_that_is_stopped_in_an_installation_gives_back_what_it_fetched(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    lab = tidy(disk, tell=said.append)

    def stopped(*_: object, **__: object) -> EnvironmentResult:
        raise KeyboardInterrupt

    monkeypatch.setattr(Lab, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        ask(lab, "1")
    lab.close()
    assert disk.cleaned == CLEANED
    assert disk.freed == [()]
    assert "removed" in said[-1]


def test_a_verdict_without_evidence_is_an_error_of_ours(disk: Disk) -> None:
    disk.evidence = False
    (cell,) = tidy(disk).run(REQUEST, release("1")).cells
    assert (cell.outcome, cell.message) == (Outcome.ERROR, "refused: works without evidence that it ran")


def test_a_search_that_moves_no_stack_removes_nothing(disk: Disk) -> None:
    lab = tidy(disk, heavy=False)
    ask(lab, "1")
    lab.close()
    assert (disk.freed, disk.cleaned) == ([], [])


def test_every_attempt_has_seeds_of_its_own(disk: Disk) -> None:
    disk.settings = replace(disk.settings, probe=replace(disk.settings.probe, seed=23, trials=10))
    lab = tidy(disk)
    for version, attempt in (("1", 0), ("1", 1), ("1", 2), ("2", 0)):
        lab.run(REQUEST, release(version), attempt=attempt)
    assert [seed for _, _, seed in disk.ran] == [23, 33, 43, 23]
