"""`rules` over a miniature index: what tells two explanations apart is run, judged, and settles the rule."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import ROOT, FreeDisk
from miniature import MiniatureIndex, serving
from small_run import small_matrix
from tiny_lab import Surroundings, package

from asrcompat.cli import main
from asrcompat.lab import room
from asrcompat.lab.change import Change
from asrcompat.lab.laboratory import Laboratory
from asrcompat.model import EnvironmentResult
from asrcompat.run.interpreters import NoInterpreter

OLD = "py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2"
NEW = "py3.10-torch2.3.1-s3prl0.4.15-espnet202611-transformers4.57.6"
# Broken by the new Transformers; the new ESPnet moves at the same time.
S3PRL = """
import transformers
def check(model, config, path):
    if path != 'transformers' and transformers.VERSION == '4.57.6':
        raise ValueError('planted is broken')
"""


class Everything(set[str]):
    """Whatever its environment is called, a run ends in trouble."""

    def __contains__(self, _: object) -> bool:
        return True


@pytest.fixture
def index() -> Iterator[MiniatureIndex]:
    with serving(("torch", "2.3.1", ()), ("torchaudio", "2.3.1", ()), ("setuptools", "80.0", ())) as served:
        for version in ("4.41.2", "4.57.6"):
            package(served, "transformers", version, f"VERSION = {version!r}", requires=(f"helper=={version}",))
            package(served, "helper", version)
        for version in ("202402", "202611"):
            package(served, "espnet", version)
        package(served, "s3prl", "0.4.15", S3PRL)
        yield served


@pytest.fixture
def bench(bench: Surroundings, index: MiniatureIndex, tmp_path: Path) -> Surroundings:
    (tmp_path / "matrix.toml").write_text(small_matrix(index), encoding="utf-8")
    shutil.copytree(ROOT / "fixtures" / "claims", tmp_path / "fixtures" / "claims")
    for name in (OLD, NEW):
        assert command(tmp_path, "session", name) == 0
    bench.probed.clear()
    return bench


def command(tmp_path: Path, name: str, *arguments: str) -> int:
    common = ["--matrix", str(tmp_path / "matrix.toml"), "--work", str(tmp_path / "work"), "--torch-index", "none"]
    return main([name, *arguments, *common, "--threads", "1"])


def test_one_run_settles_what_moved_together(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "rules") == 0
    said = capsys.readouterr().out
    assert "fails if transformers >= 4.57.6 (not with 4.41.2); environments show it of which nothing else was" in said
    assert "along with it came 1 package" in said
    assert all(paths == ("s3prl-hf",) for _, paths in bench.probed), "the reference only guides, and is no cell"
    made = [name for name, _ in bench.probed]
    assert 1 <= len(made) <= 2, "one that settles it, one that could have refuted it"
    assert not list((tmp_path / "work" / "lab" / "envs").glob("*/*")), "environments are removed, results are kept"

    assert command(tmp_path, "rules") == 0
    assert [name for name, _ in bench.probed] == made, "what is known is not run again"


def test_what_does_not_resolve_says_nothing_and_another_run_is_made(
    bench: Surroundings, index: MiniatureIndex, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package(index, "espnet", "202611", requires=("transformers>4.50",))
    assert command(tmp_path, "rules") == 0
    said = capsys.readouterr().out
    assert "broken at resolve" in said
    assert "fails if transformers >= 4.57.6" in said


def test_the_budget_ends_it_with_what_is_left_told(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(monotonic=iter([0.0, 61.0]).__next__)
    monkeypatch.setattr("asrcompat.settling.command.time", clock)
    assert command(tmp_path, "rules", "--budget", "1") == 3
    said = capsys.readouterr().out
    assert "the budget is used up; 1 rule left with a run to make" in said
    assert "undetermined: it fails if one of [" in said
    assert bench.probed == []


def test_a_run_that_ends_in_an_error_is_not_made_twice_and_leaves_it_unfinished(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.trouble = Everything()
    assert command(tmp_path, "rules") == 3
    made = [name for name, _ in bench.probed]
    assert len(made) == len(set(made))
    assert "the disk is full" in capsys.readouterr().out


def test_what_was_made_is_removed_as_soon_as_nothing_needs_it(
    bench: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run settles the rule, another one could have refuted it: that finds no environment of the first."""
    there: list[list[str]] = []
    run = Laboratory.run

    def watched(lab: Laboratory, *arguments: Any, **named: Any) -> EnvironmentResult:
        there.append(sorted(lab.users()))
        return run(lab, *arguments, **named)

    monkeypatch.setattr(Laboratory, "run", watched)
    assert command(tmp_path, "rules") == 0
    assert len(bench.probed) == 2
    assert there == [[]] * 2


def test_what_matrix_toml_leaves_out_is_not_run_and_leaves_it_unfinished(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix = tmp_path / "matrix.toml"
    mixed = """[profiles.mixed]
description = "what an exclusion is about has to be in some grid"

[[profiles.mixed.grid]]
python = "3.10"
torch = "2.3.1"
espnet = ["202402", "202611"]
transformers = ["4.41.2", "4.57.6"]
s3prl = "0.4.15"

[[exclude]]
when = { espnet = "==202402", transformers = "==4.57.6" }
reason = "not looked at"

[[exclude]]
when = { espnet = "==202611", transformers = "==4.41.2" }
reason = "not looked at"

"""
    matrix.write_text(matrix.read_text(encoding="utf-8").replace("[probe]", f"{mixed}[probe]", 1), encoding="utf-8")
    assert command(tmp_path, "rules") == 3
    assert "not run: excluded by matrix.toml: not looked at" in capsys.readouterr().out
    assert bench.probed == []


def test_no_torch_is_installed_where_the_disk_has_no_room_for_it(
    bench: Surroundings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    free_disk: FreeDisk,
) -> None:
    free_disk.gb = 3
    monkeypatch.setattr("asrcompat.lab.room.brings_torch", lambda _: True)
    assert command(tmp_path, "rules") == 3
    assert "not run: that installs another torch, and 3 GB of disk are free, not 12" in capsys.readouterr().out
    assert bench.probed == []


def test_a_full_disk_does_not_matter_where_the_environment_is_there_already(
    bench: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_disk: FreeDisk
) -> None:
    monkeypatch.setattr("asrcompat.lab.room.brings_torch", lambda _: True)
    assert command(tmp_path, "rules") == 0
    made = list(bench.probed)
    shutil.rmtree(tmp_path / "work" / "lab" / "results")
    homes = tmp_path / "work" / "lab" / "envs"
    for name, _ in made:
        (homes / name).mkdir(parents=True)
        (homes / name / ".variants").write_text(name, encoding="utf-8")
    free_disk.gb = 3
    bench.probed.clear()
    assert command(tmp_path, "rules") == 0
    assert bench.probed == made


@pytest.mark.parametrize(
    ("kind", "value", "brings"),
    [
        ("axis", "torch=2.6.0", True),
        ("axis", "python=3.12", True),
        ("axis", "espnet=1", False),
        ("pin", "six==1", False),
    ],
)
def test_another_torch_comes_with_its_own_move_and_with_pythons(kind: Any, value: str, brings: bool) -> None:
    assert room.brings_torch((Change(kind=kind, value=value),)) is brings


def test_without_results_it_says_what_to_run_first(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "rules", "--profile", "smoke") == 3
    assert "no results of profile 'smoke'" in capsys.readouterr().err


def test_what_did_not_resolve_is_not_run_again_after_our_own_code_changed(
    bench: Surroundings, index: MiniatureIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(index, "espnet", "202611", requires=("transformers>4.50",))
    assert command(tmp_path, "rules") == 0
    monkeypatch.setattr("asrcompat.run.code.digest", lambda _: "another")
    for name in (OLD, NEW):
        assert command(tmp_path, "session", name) == 0
    bench.probed.clear()
    assert command(tmp_path, "rules") == 0
    made = [name for name, _ in bench.probed]
    assert made
    assert len(made) == len(set(made))


def test_environments_of_others_in_the_laboratory_are_left_alone(bench: Surroundings, tmp_path: Path) -> None:
    home = tmp_path / "work" / "lab" / "envs" / "a-remedys"
    home.mkdir(parents=True)
    (home / ".variants").write_text("a-remedys", encoding="utf-8")
    assert command(tmp_path, "rules") == 0
    assert [one.name for one in home.parent.glob("[!.]*")] == ["a-remedys"]


def test_an_interpreter_that_is_not_here_is_asked_for_once_and_leaves_it_unfinished(
    bench: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = NoInterpreter(wanted="3.10", reason="none")
    monkeypatch.setattr("asrcompat.plan.prepare.find", lambda _: absent)
    assert command(tmp_path, "rules") == 3
    assert bench.probed == []
