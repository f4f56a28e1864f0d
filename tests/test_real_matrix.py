"""The whole way on real packages: nox sessions by name, the baseline, and a report from what they leave."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, RealEnvironment

from asrcompat.model import Outcome, Results, Stage
from asrcompat.result_files import parse_results

pytestmark = pytest.mark.real

BEFORE = "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2"
AFTER = "py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2"
QUICK = ["--weights", "synthetic-small", "--devices", "cpu"]


@pytest.fixture
def checkout(tmp_path: Path, work: Path, before_0415: RealEnvironment, with_0415: RealEnvironment) -> Path:
    """A checkout of its own, with two trials, that shares what is installed and generated here."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("noxfile.py", "baseline.toml"):
        shutil.copy(ROOT / name, folder)
    text = (ROOT / "matrix.toml").read_text(encoding="utf-8")
    for old, new in (("trials = 10", "trials = 2 "), ("torch_cpu", "#")):
        assert old in text
        text = text.replace(old, new)
    (folder / "matrix.toml").write_text(text, encoding="utf-8")
    (folder / "fixtures").symlink_to(ROOT / "fixtures")
    (folder / ".asrcompat").mkdir()
    for name in ("envs", "locks"):
        (folder / ".asrcompat" / name).symlink_to(work / name)
    return folder


def nox(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "GITHUB_STEP_SUMMARY"}
    command = [sys.executable, "-m", "nox", *arguments]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def results(checkout: Path) -> Results:
    file = checkout / ".asrcompat" / "reports" / "core-synthetic-small-part" / "results.json"
    return parse_results(file.read_bytes(), source=file.name)


def outcomes(checkout: Path) -> dict[tuple[str, str, str], tuple[Outcome, Stage | None]]:
    return {cell.key: (cell.outcome, cell.stage) for cell in results(checkout).cells}


def test_one_environment_by_name_installs_nothing_the_second_time(checkout: Path) -> None:
    for _ in range(2):
        done = nox(checkout, "-s", AFTER, "--", *QUICK, "--paths", "transformers", "--again")
        assert done.returncode == 0, done.stdout
        assert f"{AFTER}: install: already there" in done.stdout
        assert f"{AFTER}: transformers on cpu: works at train" in done.stdout
    done = nox(checkout, "-s", AFTER, "--", *QUICK, "--paths", "transformers")
    assert f"{AFTER}: known already: 1 cell" in done.stdout
    assert "install:" not in done.stdout
    assert f"{AFTER}: transformers on cpu: works at train" in done.stdout


@pytest.mark.slow
def test_outcomes_do_not_come_from_the_baseline(checkout: Path) -> None:
    """As it is: 0. Two entries swapped: the same outcomes, 1, the regression named. Deleted: the same outcomes."""
    matrix = ["-s", "matrix", "--", *QUICK, "--environments", "py3.10*", "--paths", "s3prl-hf", "--again"]
    expected = nox(checkout, *matrix)
    assert expected.returncode == 0, expected.stdout + expected.stderr
    found = outcomes(checkout)
    assert found == {
        (BEFORE, "s3prl-hf", "cpu"): (Outcome.BROKEN, Stage.LOAD),
        (AFTER, "s3prl-hf", "cpu"): (Outcome.WORKS, Stage.TRAIN),
    }
    environments = results(checkout).environments
    for environment in environments:
        lock = checkout / ".asrcompat" / "reports" / "core-synthetic-small-part" / str(environment.lock)
        assert f"s3prl=={environment.packages['s3prl']} \\\n    --hash=sha256:" in lock.read_text(encoding="utf-8")

    baseline = checkout / "baseline.toml"
    text = baseline.read_text(encoding="utf-8")
    swap = {f'"{BEFORE}"': f'"{AFTER}"', f'"{AFTER}"': f'"{BEFORE}"'}
    baseline.write_text(re.sub("|".join(map(re.escape, swap)), lambda quoted: swap[quoted[0]], text), encoding="utf-8")
    swapped = nox(checkout, *matrix)
    assert swapped.returncode == 1, swapped.stdout + swapped.stderr
    assert outcomes(checkout) == found
    regressions = results(checkout).expectations["regressions"]
    assert [(one["environment"], one["path"], one["found"]) for one in regressions] == [
        (BEFORE, "s3prl-hf", "broken at load")
    ]

    baseline.unlink()
    deleted = nox(checkout, *matrix)
    assert deleted.returncode == 0, deleted.stdout + deleted.stderr
    assert outcomes(checkout) == found
