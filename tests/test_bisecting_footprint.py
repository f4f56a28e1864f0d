"""What a search takes of the disk, and what it gives back on the way."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from factories import make_cell, make_environment_result

from asrcompat.bisecting import footprint
from asrcompat.bisecting.footprint import Footprint, Tidy, cache_of_its_own
from asrcompat.errors import HarnessError
from asrcompat.lab.change import Change
from asrcompat.model import BoundaryRun, Device, EnvironmentResult, Outcome
from asrcompat.run import uv
from asrcompat.run.cells import Settings
from asrcompat.run.lock import Lock
from asrcompat.run.process import Finished
from asrcompat.spec import Request, Spec

REQUEST = Request(python="3.10", torch="2", torchaudio="2", transformers="4", s3prl="1", espnet="1")
LOCK = Lock("""
lock-version = "1.0"
[[packages]]
name = "torch"
version = "2.0"
wheels = [{ url = "u", size = 800000000, hashes = { sha256 = "0" } }]
[[packages]]
name = "nvidia_cudnn"
version = "9"
wheels = [{ url = "u", size = 700000000, hashes = { sha256 = "0" } }]
[[packages]]
name = "six"
version = "1"
wheels = [{ url = "u", size = 11000, hashes = { sha256 = "0" } }]
[[packages]]
name = "untold"
version = "1"
wheels = [{ url = "u", hashes = { sha256 = "0" } }]
""")


class Disk:
    """A disk of which a laboratory takes 5 GB a run, until it is freed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.taken = 0.0
        self.freed: list[tuple[str, ...]] = []
        self.seeds: list[int] = []
        self.result = make_environment_result()

    def open(self, settings: Settings) -> Lab:
        return Lab(self, settings)


class Lab:
    def __init__(self, disk: Disk, settings: Settings) -> None:
        self._disk = disk
        self._settings = settings

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        self._disk.taken += 5.0
        self._disk.seeds.append(self._settings.probe.seed)
        return self._disk.result

    def free(self, keep: Collection[str]) -> int:
        self._disk.freed.append(tuple(keep))
        self._disk.taken = 5.0 * len(keep)
        return 0


@pytest.fixture
def disk(spec: Spec, tmp_path: Path) -> Disk:
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
    return Disk(settings)


def tidy(disk: Disk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **changes: Any) -> Tidy:
    monkeypatch.setattr(Footprint, "used", property(lambda _: disk.taken))
    chosen = {"budget": 15.0, "heavy": True, "tell": lambda _: None, **changes}
    return Tidy(disk.open, disk.settings, footprint=Footprint(tmp_path), **chosen)


def run(answer: Any) -> BoundaryRun:
    return BoundaryRun(release="1", attempt=0, answer=answer, told="", environment="e", outcome=Outcome.WORKS)


@pytest.fixture
def cleaned(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    said: list[list[str]] = []

    def command(arguments: Sequence[str | Path], *, seconds: float, cwd: Path | None = None) -> Finished:
        said.append([str(one) for one in arguments])
        return Finished(code=0, output="", timed_out=False, seconds=0.0)

    monkeypatch.setattr(uv, "command", command)
    return said


def test_the_newest_good_and_bad_stay_and_large_distributions_leave_the_cache(
    disk: Disk, cleaned: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lab = tidy(disk, monkeypatch, tmp_path)
    for identity, answer in (("a", "good"), ("b", "bad"), ("c", "good"), ("d", "skip")):
        lab.done(identity, run(answer), LOCK)
    assert disk.freed == [("a",), ("a", "b"), ("c", "b"), ("c", "b")]
    assert cleaned == [["cache", "clean", "--quiet", "torch", "nvidia-cudnn"]] * 4


def test_where_the_next_stack_would_not_fit_all_are_removed_before_it(
    disk: Disk, cleaned: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lab = tidy(disk, monkeypatch, tmp_path)
    for identity, answer in (("a", "good"), ("b", "bad"), ("c", "good")):
        lab.run(REQUEST)
        assert disk.taken <= 15.0
        lab.done(identity, run(answer), None)
    assert () in disk.freed
    roomy = tidy(disk, monkeypatch, tmp_path, budget=100.0)
    disk.freed.clear()
    roomy.run(REQUEST)
    assert disk.freed == []


def test_where_no_room_can_be_made_the_search_ends_and_says_so(
    disk: Disk, cleaned: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lab = tidy(disk, monkeypatch, tmp_path, budget=4.0)
    with pytest.raises(HarnessError, match=r"needs about 6\.0 GB.*more than --disk 4;.*does not run again"):
        lab.run(REQUEST)
    assert (disk.seeds, disk.freed) == ([], [()])


def test_a_cache_that_gives_nothing_back_is_told(
    disk: Disk, cleaned: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    locked = Finished(code=2, output="the cache is locked", timed_out=False, seconds=0.0)
    monkeypatch.setattr(uv, "command", lambda *_, **__: locked)
    said: list[str] = []
    tidy(disk, monkeypatch, tmp_path, tell=said.append).done("a", run("good"), LOCK)
    assert said[0] == "uv's cache keeps torch, nvidia-cudnn: the cache is locked"


def test_a_verdict_without_evidence_is_an_error_of_ours(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    disk.result = make_environment_result(cells=[make_cell(evidence=None)])
    (cell,) = tidy(disk, monkeypatch, tmp_path).run(REQUEST).cells
    assert (cell.outcome, cell.message) == (Outcome.ERROR, "refused: works without evidence that it ran")


def test_a_search_that_moves_no_stack_removes_nothing(
    disk: Disk, cleaned: list[list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lab = tidy(disk, monkeypatch, tmp_path, heavy=False)
    lab.done("a", run("good"), LOCK)
    assert (disk.freed, cleaned) == ([], [])


def test_every_attempt_has_seeds_of_its_own(disk: Disk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    disk.settings = replace(disk.settings, probe=replace(disk.settings.probe, seed=23, trials=10))
    lab = tidy(disk, monkeypatch, tmp_path)
    for attempt in (0, 1, 2, 0):
        lab.run(REQUEST, attempt=attempt)
    assert disk.seeds == [23, 33, 43, 23]


def test_the_cache_is_the_searchs_own_while_it_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for before in (None, "elsewhere"):
        monkeypatch.delenv("UV_CACHE_DIR", raising=False)
        if before is not None:
            monkeypatch.setenv("UV_CACHE_DIR", before)
        with cache_of_its_own(None):
            assert os.environ.get("UV_CACHE_DIR") == before
        with contextlib.suppress(KeyError), cache_of_its_own(tmp_path):
            assert os.environ["UV_CACHE_DIR"] == str(tmp_path)
            raise KeyError
        assert os.environ.get("UV_CACHE_DIR") == before


def test_the_worst_moment_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [100.0]
    usage = type("Usage", (), {"free": property(lambda _: int(free[0] * 1e9))})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage())
    monkeypatch.setattr(footprint, "_SECONDS", 0.001)
    with Footprint(tmp_path) as taken:
        free[0] = 93.0
        time.sleep(0.3)  # nobody asks meanwhile
        free[0] = 99.0
        assert (taken.used, taken.peak) == (1.0, 7.0)
    free[0] = 120.0
    assert taken.used == 0.0
