"""What a search gives back on the way, and how few installations it so takes."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache
from math import ceil, log2
from pathlib import Path
from typing import Any, cast

import pytest
from factories import make_cell, make_environment, make_environment_result

from asrcompat.bisecting.choose import Line
from asrcompat.bisecting.estimate import most, taken
from asrcompat.bisecting.footprint import Footprint
from asrcompat.bisecting.places import Place
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


OWN = "own"  # without changes


def release(version: object) -> tuple[Change, ...]:
    return () if version == OWN else (Change(kind="axis", value=f"torch={version}"),)


@cache
def lock_of(version: str) -> Lock:
    return Lock(LARGE.format(version="0.1" if version == OWN else version))


def version_of(changes: tuple[Change, ...]) -> str:
    return changes[0].parts[1] if changes else OWN


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
        self.resolved: dict[tuple[str, int], str] = {}  # otherwise than the first time

    @property
    def taken(self) -> float:
        return self.others + self.stack * len(self.there)

    def open(self, settings: Settings) -> Lab:
        return Lab(self, settings)

    def of(self, request: Request, changes: tuple[Change, ...]) -> Place:
        version = version_of(changes)
        source = Locked(lock=lock_of(version), interpreter=cast("Any", None), text="")
        return Place(name=version, source=None if version == UNRESOLVED else source)

    def in_lab(self, source: Locked) -> bool:
        return any(lock_of(version) is source.lock for version in self.there)

    def there_is(self, source: Locked) -> bool:
        return self.in_lab(source) or any(lock_of(version) is source.lock for version in self.elsewhere)


class Places:
    def __init__(self, disk: Disk) -> None:
        self.of, self.in_lab, self.there = disk.of, disk.in_lab, disk.there_is


class Lab:
    def __init__(self, disk: Disk, settings: Settings) -> None:
        self._disk = disk
        self._settings = settings

    def remembered(
        self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0
    ) -> EnvironmentResult | None:
        return self._disk.known.get((version_of(changes), attempt))

    def users(self) -> set[str]:
        return set(self._disk.there)

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        disk, version = self._disk, version_of(changes)
        if (version, attempt) in disk.known:
            return disk.known[version, attempt]
        if version not in {*disk.there, *disk.elsewhere} and version != UNRESOLVED:
            disk.there.append(version)
            disk.installed.append(version)
        disk.most = max(disk.most, disk.taken)
        disk.ran.append((version, attempt, self._settings.probe.seed))
        sha256 = disk.resolved.get((version, attempt), lock_of(version).sha256)
        environment = make_environment(version, lock_sha256=sha256)
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
    chosen = {"budget": 15.0, "heavy": True, "ahead": True, "returns": False, "tell": lambda _: None, **changes}
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


def line_of(lab: Tidy, good: range, own: str = "") -> Any:
    answers: dict[tuple[str, int], Answer] = {}

    def asked(version: str, attempt: int) -> tuple[Answer, str]:
        answer = Answer.GOOD if int(version) in good else Answer.BAD
        if (version, attempt) not in answers:
            ask(lab, OWN if version == own else version, answer.value, attempt)
            answers[version, attempt] = answer
        return answer, ""

    return asked


def in_both_directions(disk: Disk, count: int, own: int, good: range, *, bad_first: bool) -> int:
    """The installations of a search outward from a release, of which the good ones are around it or anywhere else."""
    disk.there, disk.installed, disk.ran = [], [], []
    lab = tidy(disk, returns=True)
    every = [str(place) for place in range(count)]
    cells = range(count) if not bad_first else [place for place in range(count) if place not in good]
    asked = line_of(lab, good if not bad_first else cast("Any", cells), own=str(own))
    found = [outward(every, start=str(own), step=step, ask=asked) for step in (1, -1)]
    limits = [(turn.bad, turn.good) if bad_first else (turn.good, turn.bad) for turn in found]
    ends = [str(good[-1] + 1) if good[-1] + 1 < count else None, str(good[0] - 1) if good[0] else None]
    assert limits == [(str(good[-1]), ends[0]), (str(good[0]), ends[1])]
    assert lab.installs == len(disk.installed)
    return lab.installs


@pytest.mark.parametrize("stack", [2.0, 5.5, 8.0])
@pytest.mark.parametrize("count", [2, 7])
def test_in_both_directions_no_more_is_installed_than_was_said_wherever_the_limits_are(
    disk: Disk, stack: float, count: int
) -> None:
    disk.stack = stack
    every = tuple(str(place) for place in range(count))
    for own in range(count):
        said = most(Line(releases=every, own=str(own), good=None, bad=None))
        for low, high in itertools.product(range(own + 1), range(own, count)):
            for bad_first in (False, True):
                assert in_both_directions(disk, count, own, range(low, high + 1), bad_first=bad_first) <= said
    assert disk.most <= 16.0


@pytest.mark.parametrize("stack", [2.0, 5.0, 6.5])
@pytest.mark.parametrize(("own", "low"), [(17, 5), (16, 16), (0, 0), (21, 3)])
def test_the_limits_on_both_sides_of_22_releases_take_9_installations(
    disk: Disk, stack: float, own: int, low: int
) -> None:
    """torchaudio's line, of which one review counted 12 and another one 10."""
    disk.stack = stack
    for high in range(own, 22):
        assert in_both_directions(disk, 22, own, range(low, high + 1), bad_first=False) <= 9 == ceil(log2(22)) + 4
    assert disk.most <= 15.0


def test_what_takes_more_than_was_said_does_not_pass_for_less() -> None:
    line = Line(releases=("1", "2", "3"), own="2", good=None, bad=None)
    assert taken(line, 3) == "3 installs for 3 releases (at most 3)"
    assert taken(line, 4) == (
        "4 installs for 3 releases (at most 3 where none passes and fails and none is removed by others)"
    )


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
