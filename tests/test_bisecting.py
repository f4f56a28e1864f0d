"""`bisect` over a miniature index: real requests, locks and installations; what breaks is planted in tiny packages."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from factories import make_cell, make_environment, make_environment_result
from matrix_text import edited
from miniature import MiniatureIndex, serving
from tiny_lab import Surroundings, make_bench, package

from asrcompat.bisecting import locks, tries
from asrcompat.cli import main
from asrcompat.explain.bisection.judge import Question
from asrcompat.explain.bisection.locks import Difference, differences
from asrcompat.lab.change import Change
from asrcompat.lab.laboratory import Laboratory
from asrcompat.model import Boundary, BoundaryRun, Device, EnvironmentResult, Outcome, Stage, Trials, parse_boundary
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.run.progress import Progress
from asrcompat.run.session import NotBuilt
from asrcompat.spec import Request, Spec

BEFORE = "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2"
WITH = BEFORE.replace("0.4.14", "0.4.15")

S3PRL = """
import planted, torch, torchaudio
def check(model, config, path):
    if path != 'transformers':
        planted.check()
    {more}
"""
GOOD, BAD = "def check(): pass", "def check(): raise ValueError('planted is broken')"
# Passes on its first run and fails on the second: what an unstable release may look like.
FLAKY = """
import os, pathlib
def check():
    seen = pathlib.Path({seen!r})
    if seen.exists():
        raise ValueError('sometimes')
    seen.touch()
"""
# What makes such a check one of a whole S3PRL.
ASKED = """
once = check
def check(model, config, path):
    if path != 'transformers':
        once()
"""


@pytest.fixture
def index() -> Iterator[MiniatureIndex]:
    with serving(("transformers", "4.41.2", ()), ("espnet", "202402", ()), ("setuptools", "80.0", ())) as served:
        for version in ("2.1.0", "2.2.0", "2.3.1", "2.4.0", "2.5.0", "2.9.0"):
            package(served, "torch", version)
            package(served, "torchaudio", version, f"__version__ = {version!r}")
        for patch in range(10, 19):
            more = "raise OSError('no preprocessor_config.json')" if patch < 15 else ""
            package(served, "s3prl", f"0.4.{patch}", S3PRL.format(more=more), requires=("planted",))
        package(served, "planted", "1.0", GOOD)
        yield served


@pytest.fixture
def bench(
    tmp_path: Path, spec: Spec, index: MiniatureIndex, this_python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> Surroundings:
    made = make_bench(tmp_path, spec, index, this_python, monkeypatch)
    text = edited(
        ('name = "someone/some-model"', 'name = "owner/model"'),
        ('torch_cpu = "https://example.org/cpu"', f'url = "{index.url}"'),
    )
    (tmp_path / "matrix.toml").write_text(text, encoding="utf-8")
    return made


def bisect(tmp_path: Path, *arguments: str) -> int:
    common = ["--matrix", str(tmp_path / "matrix.toml"), "--work", str(tmp_path / "work"), "--torch-index", "none"]
    return main(["bisect", *arguments, *common, "--path", "s3prl-hf", "--threads", "1"])


def kept(tmp_path: Path) -> dict[str, Boundary]:
    files = sorted((tmp_path / "work" / "boundaries" / "synthetic-base").glob("*/*.json"))
    found = (parse_boundary(file.read_bytes(), source=file.name) for file in files)
    return {one.direction: one for one in found}


def test_the_release_that_cured_it_is_found_outward_from_an_environment_that_works(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bisect(tmp_path, "--axis", "s3prl", "--environment", WITH) == 0
    found = kept(tmp_path)
    older, newer = found["older"], found["newer"]
    assert (older.verdict, older.last_good, older.first_bad) == ("found", "0.4.15", "0.4.14")
    assert (newer.verdict, newer.last_good, newer.first_bad) == ("open", "0.4.18", None)
    assert (older.releases, older.line) == (9, ("0.4.10", "0.4.18"))
    assert (older.miss, newer.miss) == (0.0, None)
    said = capsys.readouterr().out
    assert "s3prl, towards older releases: last good 0.4.15, first bad 0.4.14" in said
    assert "0.4.14: broken at load: OSError: no preprocessor_config.json" in said
    assert "at most" in said
    assert {paths for _, paths in bench.probed} == {("s3prl-hf",)}  # the reference path only guides


def test_from_one_that_does_not_work_the_nearest_that_does_is_found(bench: Surroundings, tmp_path: Path) -> None:
    assert bisect(tmp_path, "--axis", "s3prl", "--environment", BEFORE) == 0
    found = kept(tmp_path)
    assert [(way, one.verdict, one.last_good, one.first_bad) for way, one in found.items()] == [
        ("newer", "open", None, "0.4.10"),
        ("older", "found", "0.4.15", "0.4.14"),
    ]


def test_a_second_search_runs_nothing_again(bench: Surroundings, tmp_path: Path) -> None:
    arguments = ("--axis", "s3prl", "--environment", BEFORE, "--good", "0.4.18", "--cured")
    assert bisect(tmp_path, *arguments) == 0
    before = len(bench.probed)
    assert 0 < before <= math.ceil(math.log2(5)) + 4
    assert bisect(tmp_path, *arguments) == 0
    assert len(bench.probed) == before


@pytest.mark.parametrize(("hole", "verdict"), [("2.5", "gap"), ("3.5", "found")])
def test_a_planted_fault_is_found_exactly_with_an_uninstallable_release_in_between(
    hole: str,
    verdict: str,
    bench: Surroundings,
    index: MiniatureIndex,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for version in ("2.0", "3.0", "4.0", "5.0", "6.0"):
        package(index, "planted", version, GOOD if version == "2.0" else BAD)
    package(index, "planted", hole, GOOD, requires=("setuptools<1",))
    assert bisect(tmp_path, "--axis", "planted", "--environment", WITH, "--good", "1.0", "--bad", "6.0") == 0
    found = kept(tmp_path)["newer"]
    assert (found.verdict, found.last_good, found.first_bad) == (verdict, "2.0", "3.0")
    assert found.gap == (("2.5",) if verdict == "gap" else ())
    assert set(found.skipped) == {hole}
    said = capsys.readouterr().out
    assert f"stepped over: planted {hole}" in said
    installs = len({run.release for run in found.runs if run.answer != "skip"})
    assert f"{installs} installs for 7 releases (at most 7)" in said
    assert len(bench.probed) <= math.ceil(math.log2(7)) + 4
    assert sum(run.answer != "skip" for run in found.runs) == len(bench.probed)
    assert [run.attempt for run in found.runs if run.release in ("2.0", "3.0")] == [0, 0, 1, 1]


def test_a_flaky_release_does_not_fool_it(bench: Surroundings, index: MiniatureIndex, tmp_path: Path) -> None:
    flaky = FLAKY.format(seen=str(tmp_path / "seen"))
    for version, body in {"2.0": GOOD, "3.0": flaky, "4.0": BAD, "5.0": BAD}.items():
        package(index, "planted", version, body)
    assert bisect(tmp_path, "--axis", "planted", "--environment", WITH, "--good", "1.0", "--bad", "5.0") == 0
    found = kept(tmp_path)["newer"]
    assert [run.answer for run in found.runs if run.release == "3.0"] == ["good", "bad", "bad"]
    assert (found.verdict, found.last_good, found.first_bad) == ("found", "2.0", "3.0")
    assert found.miss is not None
    assert 0 < found.miss < 0.01  # run again until it is
    assert [run.answer for run in found.runs if run.release == "2.0"].count("good") > 2


def test_one_that_fails_so_seldom_that_the_good_one_may_be_lucky_is_not_believed(
    bench: Surroundings, index: MiniatureIndex, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package(index, "planted", "2.0", BAD)
    bench.shaky = (WITH, Trials(passed=99, of=100))  # its own is the newest
    assert bisect(tmp_path, "--axis", "planted", "--environment", WITH, "--good", "1.0", "--bad", "2.0") == 3
    found = kept(tmp_path)["newer"]
    assert (found.verdict, found.last_good, found.first_bad) == ("unsure", "1.0", "2.0")
    assert found.miss == pytest.approx(0.99**160, abs=1e-6)
    assert [run.answer for run in found.runs if run.release == "1.0"] == ["good"] * 8
    said = capsys.readouterr().out
    assert "or may be luck; the probability that 1.0 was lucky is 0.2" in said
    assert "2 installs for 2 releases (at most 5)" in said


def test_a_newest_release_that_passes_once_and_fails_then_is_no_end_without_a_limit(
    bench: Surroundings, index: MiniatureIndex, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package(index, "s3prl", "0.4.18", FLAKY.format(seen=str(tmp_path / "seen")) + ASKED)
    assert bisect(tmp_path, "--axis", "s3prl", "--environment", WITH) == 0
    found = kept(tmp_path)["newer"]
    assert (found.verdict, found.last_good, found.first_bad) == ("found", "0.4.17", "0.4.18")
    assert [run.answer for run in found.runs if run.release == "0.4.18"] == ["good", "bad", "bad"]


def test_a_search_that_is_stopped_keeps_what_it_found_and_gives_the_disk_back(
    bench: Surroundings,
    index: MiniatureIndex,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = S3PRL.format(more="import sys; sys.modules['s3prl'].old()") + (
        "def old():\n    if torchaudio.__version__ >= '2.5':\n        raise AttributeError('set_audio_backend')\n"
    )
    package(index, "s3prl", "0.4.15", body, requires=("planted",))
    real = Laboratory.run

    def stopped(
        self: Laboratory, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0
    ) -> EnvironmentResult:
        if any(one.value.startswith("torch=2.1") or one.value.startswith("torch=2.2") for one in changes):
            raise KeyboardInterrupt
        return real(self, request, changes, attempt=attempt)

    monkeypatch.setattr(Laboratory, "run", stopped)
    assert bisect(tmp_path, "--axis", "torchaudio", "--environment", WITH) == 3
    (found,) = kept(tmp_path).values()
    assert (found.direction, found.verdict, found.last_good, found.first_bad) == ("newer", "found", "2.4.0", "2.5.0")
    assert list((tmp_path / "work" / "lab" / "envs").glob("*/")) == []
    said = capsys.readouterr().out
    assert "torchaudio, towards newer releases: last good 2.4.0, first bad 2.5.0" in said
    assert "the search's environments are removed" in said
    assert "3 installs for 6 releases (at most 5)" in said


def test_torch_moves_with_torchaudio_and_a_torch_stack_leaves_nothing_behind(
    bench: Surroundings, index: MiniatureIndex, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = S3PRL.format(more="import sys; sys.modules['s3prl'].old()") + (
        "def old():\n    if torchaudio.__version__ >= '2.5':\n        raise AttributeError('set_audio_backend')\n"
    )
    package(index, "s3prl", "0.4.15", body, requires=("planted",))
    assert bisect(tmp_path, "--axis", "torchaudio", "--environment", WITH) == 0
    found = kept(tmp_path)
    assert (found["newer"].verdict, found["newer"].last_good, found["newer"].first_bad) == ("found", "2.4.0", "2.5.0")
    assert (found["older"].verdict, found["older"].last_good) == ("open", "2.1.0")
    assert found["newer"].along == ("torch",)
    assert found["newer"].differs == {"torch": ("2.4.0", "2.5.0")}
    assert found["newer"].peak_gb is not None
    assert list((tmp_path / "work" / "lab" / "envs").glob("*/")) == []
    said = capsys.readouterr().out
    assert "GB at the worst moment" in said
    assert "4 installs for 6 releases (at most 5)" in said


def test_only_stages_that_were_asked_for_count(bench: Surroundings, tmp_path: Path) -> None:
    arguments = ("--axis", "s3prl", "--environment", WITH, "--stage", "import")
    assert bisect(tmp_path, *arguments) == 0
    assert {(one.verdict, one.last_good) for one in kept(tmp_path).values()} == {("open", "0.4.18"), ("open", "0.4.10")}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--axis", "plantd"], "did you mean 'planted'?"),
        (["--axis", "espnet-s3prl"], "say --axis s3prl"),
        (["--axis", "python"], "--axis python: an index has no releases of it"),
        (["--axis", "s3prl", "--good", "0.4.16", "--bad", "0.4.14"], "swap them, or say --cured"),
        (["--axis", "s3prl", "--good", "0.4.9"], "the index has no such release of s3prl; next to it are 0.4.10"),
        (["--axis", "s3prl", "--good", "0.4.12", "--bad", "0.4.12"], "name two"),
        (["--axis", "s3prl", "--bad", "zero"], "--bad zero: that is no version"),
        (["--axis", "planted", "--bad", "2.0rc1"], "--prereleases takes them along"),
        (["--axis", "s3prl", "--environment", "py2"], "--environment py2:"),
        (["--axis", "s3prl", "--devices", "cpu,cuda"], "name one of these"),
        (["--axis", "s3prl", "--devices", "tpu"], "unknown device 'tpu'"),
        (["--locks", "nowhere.txt", "nor-here.txt"], "no such file; the locks of a report are in reports/locks"),
        (["--locks", "a.txt", "b.txt", "--good", "1"], "--locks and --good"),
    ],
)
def test_wrong_choices_are_named_and_exit_with_2(
    arguments: list[str],
    said: str,
    bench: Surroundings,
    index: MiniatureIndex,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    package(index, "planted", "2.0rc1", GOOD)
    environment = [] if "--environment" in arguments or "--locks" in arguments else ["--environment", WITH]
    assert bisect(tmp_path, *arguments, *environment) == 2
    assert said in capsys.readouterr().err
    assert bench.probed == []


def test_ends_that_are_not_as_said_are_told_and_exit_with_3(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bisect(tmp_path, "--axis", "s3prl", "--environment", WITH, "--good", "0.4.15", "--bad", "0.4.18") == 3
    assert "nothing to search for: 0.4.15: good; 0.4.18: good" in capsys.readouterr().out


def lock(tmp_path: Path, name: str, **versions: str) -> str:
    base = {
        "torch": "2.3.1",
        "torchaudio": "2.3.1",
        "transformers": "4.41.2",
        "espnet": "202402",
        "s3prl": "0.4.15",
        "planted": "1.0",
        "setuptools": "80.0",
        **versions,
    }
    file = tmp_path / f"{name}.txt"
    text = "# Installs with: uv pip sync FILE\n" + "".join(
        f"{one} \\\n    --hash=sha256:{'0' * 64}\n"
        for one in (f"{package.replace('_', '-')}=={version}" for package, version in sorted(base.items()) if version)
    )
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_between_two_locks_the_change_that_broke_it_is_named(
    bench: Surroundings, index: MiniatureIndex, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package(index, "planted", "2.0", BAD, requires=("pinned==2",))
    package(index, "pinned", "2")
    for version in ("1.0", "2.0"):
        package(index, "other", version)
    before = lock(tmp_path, WITH, other="1.0")
    after = lock(tmp_path, "after", other="2.0", planted="2.0", pinned="2", s3prl="0.4.16")
    assert bisect(tmp_path, "--locks", before, after) == 0
    said = capsys.readouterr().out
    assert "breaks:\n  pinned added: 2\n  planted 1.0 → 2.0\n" in said  # the one does not resolve without the other
    assert "seen: broken at load: ValueError: planted is broken" in said
    assert "the second lock without" in said
    assert ": good (works)" in said
    assert {paths for _, paths in bench.probed} == {("s3prl-hf",)}


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


def test_locks_that_say_the_same_or_nothing_are_refused(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, same = lock(tmp_path, WITH), lock(tmp_path, "same")
    assert bisect(tmp_path, "--locks", one, same) == 2
    assert "there is nothing between them" in capsys.readouterr().err
    (tmp_path / "bad.txt").write_text("not a lock\n", encoding="utf-8")
    assert bisect(tmp_path, "--locks", one, str(tmp_path / "bad.txt")) == 2
    assert "line 1 is no 'name==version'" in capsys.readouterr().err
    assert bisect(tmp_path, "--locks", same, lock(tmp_path, "other", planted="2.0")) == 2
    assert "add --environment ID" in capsys.readouterr().err


def test_what_was_found_is_kept_as_data(bench: Surroundings, tmp_path: Path) -> None:
    assert (
        bisect(tmp_path, "--axis", "s3prl", "--environment", WITH, "--good", "0.4.15", "--bad", "0.4.14", "--cured")
        == 0
    )
    (file,) = (tmp_path / "work" / "boundaries" / "synthetic-base" / WITH).glob("*.json")
    assert file.name == "s3prl-s3prl-hf-cpu-works-older.json"
    data = json.loads(file.read_text(encoding="utf-8"))
    assert len(data["lock_sha256"]) == 64
    assert [(run["release"], run["attempt"], run["answer"]) for run in data["runs"]] == [
        ("0.4.15", 0, "good"),
        ("0.4.14", 0, "bad"),
        ("0.4.15", 1, "good"),
        ("0.4.14", 1, "bad"),
    ]
    assert data["runs"][1]["environment"].endswith("+s3prl-0.4.14")
