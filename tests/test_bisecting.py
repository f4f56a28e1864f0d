"""`bisect` over a miniature index: real requests, locks and installations; what breaks is planted in tiny packages."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from matrix_text import edited
from miniature import MiniatureIndex, serving
from tiny_lab import Surroundings, package

from asrcompat.bisecting.asof import AsOf
from asrcompat.bisecting.places import Places
from asrcompat.cli import main
from asrcompat.lab.change import Change
from asrcompat.lab.laboratory import Laboratory
from asrcompat.model import Boundary, EnvironmentResult, Trials
from asrcompat.result_files import parse_boundary
from asrcompat.spec import Request, load_spec

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
def bench(bench: Surroundings, index: MiniatureIndex, tmp_path: Path) -> Surroundings:
    text = edited(
        ('name = "someone/some-model"', 'name = "owner/model"'),
        ('torch_cpu = "https://example.org/cpu"', f'url = "{index.url}"'),
    )
    (tmp_path / "matrix.toml").write_text(text, encoding="utf-8")
    return bench


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
        (["--axis", "plantd"], "does not install 'plantd': did you mean 'planted'?\n"),
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


def test_locks_of_two_pythons_and_builds_that_differ_are_told(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = lock(tmp_path, WITH)
    planned = load_spec(tmp_path / "matrix.toml").all_environments()
    elsewhere = lock(tmp_path, next(request.id for request in planned if request.python == "3.12"), planted="2.0")
    assert bisect(tmp_path, "--locks", one, elsewhere) == 2
    said = capsys.readouterr().err
    assert f"{WITH}.txt is of Python 3.10 and {Path(elsewhere).name} of Python 3.12; name two locks of one" in said
    assert bisect(tmp_path, "--locks", one, lock(tmp_path, "built", torch="2.3.1+cpu")) == 2
    assert "name the same versions but for builds (torch 2.3.1 and 2.3.1+cpu)" in capsys.readouterr().err
    assert bench.probed == []


def test_a_release_that_is_run_again_is_of_the_same_packages_though_the_index_has_others_by_then(
    bench: Surroundings, index: MiniatureIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Laboratory.run

    def later(
        self: Laboratory, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0
    ) -> EnvironmentResult:
        if attempt:
            package(index, "planted", "9.0", BAD)
        return real(self, request, changes, attempt=attempt)

    monkeypatch.setattr(Laboratory, "run", later)
    ends = ("--good", "0.4.15", "--bad", "0.4.14", "--cured")
    assert bisect(tmp_path, "--axis", "s3prl", "--environment", WITH, "--fresh", *ends) == 0
    found = kept(tmp_path)["older"]
    assert [run.answer for run in found.runs if run.release == "0.4.15"] == ["good", "good"]


def test_an_environment_has_the_name_that_the_laboratory_gives_it(bench: Surroundings) -> None:
    places = Places(work=bench.settings.work, asof=AsOf(bench.sources), rules=())
    request = replace(bench.request, torch="2.3.1", torchaudio="2.3.1", transformers="4.41.2", s3prl="0.4.15")
    request = replace(request, espnet="202402")
    for changes in ((), (Change(kind="axis", value="s3prl=0.4.16"),)):
        place = places.of(request, changes)
        result = bench.laboratory().run(request, changes)
        assert (place.name, place.source and place.source.lock.sha256) == (
            result.environment.id,
            result.environment.lock_sha256,
        )


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
