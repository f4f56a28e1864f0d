"""What a search gives back on the way, and how few installations it so takes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from math import ceil, log2
from pathlib import Path
from typing import Any, cast

import pytest
from factories import make_cell, make_environment, make_environment_result

from asrcompat.bisecting.choose import Line
from asrcompat.bisecting.estimate import most
from asrcompat.bisecting.footprint import Footprint
from asrcompat.bisecting.tidy import Tidy
from asrcompat.errors import HarnessError
from asrcompat.explain.bisection.search import Answer, bisect, outward
from asrcompat.lab.change import Change
from asrcompat.model import BoundaryRun, Device, EnvironmentResult, Outcome
from asrcompat.run import uv
from asrcompat.run.cells import Settings
from asrcompat.run.lock import Lock
from asrcompat.run.process import Finished
from asrcompat.run.session import Locked
from asrcompat.spec import Request, Spec

REQUEST = Request(python="3.10", torch="2", torchaudio="2", transformers="4", s3prl="1", espnet="1")
UNRESOLVED = "99"
LARGE = """
lock-version = "1.0"
[[packages]]
name = "torch"
version = "{version}"
wheels = [{{ url = "u", size = 800000000, hashes = {{ sha256 = "0" }} }}]
[[packages]]
name = "nvidia_cudnn"
version = "9"
wheels = [{{ url = "u", size = 700000000, hashes = {{ sha256 = "0" }} }}]
[[packages]]
name = "six"
version = "1"
wheels = [{{ url = "u", size = 11000, hashes = {{ sha256 = "0" }} }}]
[[packages]]
name = "untold"
version = "1"
wheels = [{{ url = "u", hashes = {{ sha256 = "0" }} }}]
"""


def release(version: object) -> tuple[Change, ...]:
    return (Change(kind="axis", value=f"torch={version}"),)


class Disk:
    """A laboratory, its folders and its disk: an environment takes `stack` GB of it until it is freed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stack = 5.0
        self.others = 0.0
        self.there: list[str] = []
        self.installed: list[str] = []
        self.elsewhere: set[str] = set()  # what the matrix has built
        self.known: dict[tuple[str, int], EnvironmentResult] = {}
        self.ran: list[tuple[str, int, int]] = []
        self.freed: list[tuple[str, ...]] = []
        self.most = 0.0
        self.evidence = True

    @property
    def taken(self) -> float:
        return self.others + self.stack * len(self.there)

    def open(self, settings: Settings) -> Lab:
        return Lab(self, settings)

    def locked(self, request: Request, changes: tuple[Change, ...]) -> Locked | None:
        version = changes[0].parts[1]
        lock = Lock(LARGE.format(version=version))
        return None if version == UNRESOLVED else Locked(lock=lock, interpreter=cast("Any", None), text="")

    def in_lab(self, source: Locked) -> bool:
        return source.lock.versions["torch"] in self.there

    def there_is(self, source: Locked) -> bool:
        return self.in_lab(source) or source.lock.versions["torch"] in self.elsewhere


class Places:
    def __init__(self, disk: Disk) -> None:
        self.locked, self.in_lab, self.there = disk.locked, disk.in_lab, disk.there_is


class Lab:
    def __init__(self, disk: Disk, settings: Settings) -> None:
        self._disk = disk
        self._settings = settings

    def remembered(
        self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0
    ) -> EnvironmentResult | None:
        return self._disk.known.get((changes[0].parts[1], attempt))

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        disk, version = self._disk, changes[0].parts[1]
        if (version, attempt) in disk.known:
            return disk.known[version, attempt]
        if version not in {*disk.there, *disk.elsewhere} and version != UNRESOLVED:
            disk.there.append(version)
            disk.installed.append(version)
        disk.most = max(disk.most, disk.taken)
        disk.ran.append((version, attempt, self._settings.probe.seed))
        environment = make_environment(version)
        cell = make_cell(environment) if disk.evidence else make_cell(environment, evidence=None)
        return make_environment_result(environment, [cell])

    def free(self, keep: Collection[str]) -> int:
        self._disk.freed.append(tuple(keep))
        self._disk.there = [version for version in self._disk.there if version in keep]
        return 0


@pytest.fixture
def disk(spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    settings = Settings(
        root=tmp_path,
        work=tmp_path,
        model="m",
        weights="synthetic-small",
        paths=(),
        devices=(Device.CPU,),
        probe=spec.probe,
        findings={},
        limits=spec.limits,
        install_arguments=(),
        threads=1,
    )
    made = Disk(settings)
    monkeypatch.setattr(Footprint, "used", property(lambda _: made.taken))
    return made


@pytest.fixture(autouse=True)
def cleaned(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    said: list[list[str]] = []

    def command(arguments: Sequence[str | Path], *, seconds: float, cwd: Path | None = None) -> Finished:
        said.append([str(one) for one in arguments])
        return Finished(code=0, output="", timed_out=False, seconds=0.0)

    monkeypatch.setattr(uv, "command", command)
    return said


def tidy(disk: Disk, **changes: Any) -> Tidy:
    chosen = {"budget": 15.0, "heavy": True, "ahead": True, "tell": lambda _: None, **changes}
    places = cast("Any", Places(disk))
    return Tidy(disk.open, disk.settings, places=places, footprint=Footprint(disk.settings.work), **chosen)


def ask(lab: Tidy, version: object, answer: Any = "good", attempt: int = 0) -> None:
    """Run a release as a search does."""
    result = lab.run(REQUEST, release(version), attempt=attempt)
    outcome = Outcome.WORKS if answer == "good" else Outcome.BROKEN
    run = BoundaryRun(
        release=str(version),
        attempt=attempt,
        answer=answer,
        told="",
        environment=result.environment.id,
        outcome=outcome,
    )
    lab.done(result.environment.id, run)


def test_the_newest_good_and_bad_stay_and_large_distributions_leave_the_cache(
    disk: Disk, cleaned: list[list[str]]
) -> None:
    lab = tidy(disk, budget=100.0)
    for version, answer in (("1", "good"), ("2", "bad"), ("3", "good"), ("4", "skip")):
        ask(lab, version, answer)
    assert disk.freed == [("1",), ("1", "2"), ("2", "3"), ("2", "3")]
    assert cleaned == [["cache", "clean", "--quiet", "nvidia-cudnn", "torch"]] * 4
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
    lab = tidy(disk, budget=6.0)
    for version, answer in (("1", "good"), ("2", "bad"), ("3", "good")):
        ask(lab, version, answer)
    assert [attempt for _, attempt, _ in disk.ran] == [0, 0, 0]  # three of 2 GB fit, which three of 6 would not
    assert disk.freed == [("1",), ("1", "2"), ("2", "3")]


def test_what_others_left_in_the_laboratory_goes_first(disk: Disk) -> None:
    disk.there = ["0"]
    lab = tidy(disk, budget=12.0)
    ask(lab, "1")
    disk.there.append("0")
    ask(lab, "2", "bad")
    assert disk.there == ["1", "2"]
    assert [attempt for _, attempt, _ in disk.ran] == [0, 0]


def line_of(lab: Tidy, good: range) -> Any:
    answers: dict[tuple[str, int], Answer] = {}

    def asked(version: str, attempt: int) -> tuple[Answer, str]:
        answer = Answer.GOOD if int(version) in good else Answer.BAD
        if (version, attempt) not in answers:
            ask(lab, version, answer.value, attempt)
            answers[version, attempt] = answer
        return answer, ""

    return asked


@pytest.mark.parametrize("stack", [2.0, 5.0, 5.5, 6.5])
def test_the_limits_on_both_sides_of_22_releases_take_9_installations(disk: Disk, stack: float) -> None:
    """torchaudio's line, of which a review counted 12."""
    disk.stack = stack
    lab = tidy(disk)
    every = [str(place) for place in range(22)]
    asked = line_of(lab, range(5, 18))
    found = [outward(every, start="17", step=step, ask=asked) for step in (1, -1)]
    assert [(turn.verdict, turn.good, turn.bad) for turn in found] == [("found", "17", "18"), ("found", "5", "4")]
    assert lab.installs == len(disk.installed) <= 9 == ceil(log2(22)) + 4
    assert lab.installs <= most(Line(releases=tuple(every), own="17", good=None, bad=None))
    assert disk.most <= 15.0


@pytest.mark.parametrize("stack", [5.5, 6.5])
@pytest.mark.parametrize("count", [2, 3, 9, 22, 33])
def test_between_two_ends_the_bound_holds_wherever_the_limit_is(disk: Disk, stack: float, count: int) -> None:
    every = [str(place) for place in range(count)]
    disk.stack = stack
    for good in range(1, count):
        disk.there, disk.installed, disk.ran = [], [], []
        lab = tidy(disk)
        turn = bisect(every, good="0", bad=every[-1], ask=line_of(lab, range(good)))
        assert (turn.verdict, turn.good) == ("found", str(good - 1))
        # what fails at times only has the good one run again, which may have had to go
        lab.run(REQUEST, release(good - 1), attempt=2)
        assert lab.installs == len(disk.installed) <= ceil(log2(count)) + 4
        assert most(Line(releases=tuple(every), own="0", good="0", bad=every[-1])) == ceil(log2(count)) + 4
    assert disk.most <= 15.0


def test_where_no_room_can_be_made_the_search_ends_and_says_so(disk: Disk) -> None:
    lab = tidy(disk, budget=4.0)
    with pytest.raises(HarnessError, match=r"needs about 6\.0 GB.*more than --disk 4;.*does not run again"):
        ask(lab, "1")
    assert (disk.ran, disk.freed) == ([], [()])


def test_a_cache_that_gives_nothing_back_is_told(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = Finished(code=2, output="the cache is locked", timed_out=False, seconds=0.0)
    monkeypatch.setattr(uv, "command", lambda *_, **__: locked)
    said: list[str] = []
    ask(tidy(disk, tell=said.append), "1")
    assert said[0] == "uv's cache keeps nvidia-cudnn, torch: the cache is locked"


def test_a_search_that_is_stopped_in_an_installation_gives_back_what_it_fetched(
    disk: Disk, cleaned: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    lab = tidy(disk, tell=said.append)

    def stopped(*_: object, **__: object) -> EnvironmentResult:
        raise KeyboardInterrupt

    monkeypatch.setattr(Lab, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        ask(lab, "1")
    lab.close()
    assert cleaned == [["cache", "clean", "--quiet", "nvidia-cudnn", "torch"]]
    assert disk.freed == [()]
    assert "removed" in said[-1]


def test_a_verdict_without_evidence_is_an_error_of_ours(disk: Disk) -> None:
    disk.evidence = False
    (cell,) = tidy(disk).run(REQUEST, release("1")).cells
    assert (cell.outcome, cell.message) == (Outcome.ERROR, "refused: works without evidence that it ran")


def test_a_search_that_moves_no_stack_removes_nothing(disk: Disk, cleaned: list[list[str]]) -> None:
    lab = tidy(disk, heavy=False)
    ask(lab, "1")
    lab.close()
    assert (disk.freed, cleaned) == ([], [])


def test_every_attempt_has_seeds_of_its_own(disk: Disk) -> None:
    disk.settings = replace(disk.settings, probe=replace(disk.settings.probe, seed=23, trials=10))
    lab = tidy(disk)
    for version, attempt in (("1", 0), ("1", 1), ("1", 2), ("2", 0)):
        lab.run(REQUEST, release(version), attempt=attempt)
    assert [seed for _, _, seed in disk.ran] == [23, 33, 43, 23]
