"""`bisect` on real packages: the release of S3PRL that no longer needs a preprocessor, in environments there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT, RealEnvironment

from asrcompat.cli import main
from asrcompat.model import Outcome, Stage
from asrcompat.result_files import parse_boundary

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]


@pytest.mark.slow
def test_the_release_that_cured_the_missing_preprocessor_is_found_by_running(
    work: Path,
    tmp_path: Path,
    before_0415: RealEnvironment,
    with_0415: RealEnvironment,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("envs", "locks"):
        (tmp_path / name).symlink_to(work / name)
    # two trials, and torch from where the shared environments have it
    text = (ROOT / "matrix.toml").read_text(encoding="utf-8")
    assert "trials = 10" in text
    matrix = tmp_path / "matrix.toml"
    matrix.write_text(text.replace("trials = 10", "trials = 2 "), encoding="utf-8")
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    arguments = ["--axis", "s3prl", "--good", "0.4.15", "--bad", "0.4.14", "--cured", "--path", "s3prl-hf"]
    places = ["--matrix", str(matrix), "--work", str(tmp_path), "--torch-index", "none", "--devices", "cpu"]
    chosen = ["--environment", with_0415.request.id, "--weights", "synthetic-small", "--threads", "2"]
    assert main(["bisect", *arguments, *places, *chosen]) == 0
    said = capsys.readouterr().out

    (file,) = (tmp_path / "boundaries" / "synthetic-small").glob("*/*.json")
    found = parse_boundary(file.read_bytes(), source=file.name)
    assert (found.environment, found.axis, found.direction) == (with_0415.environment.id, "s3prl", "older")
    assert (found.verdict, found.last_good, found.first_bad) == ("found", "0.4.15", "0.4.14")
    assert [(run.release, run.attempt, run.outcome) for run in found.runs] == [
        ("0.4.15", 0, Outcome.WORKS),
        ("0.4.14", 0, Outcome.BROKEN),
        ("0.4.15", 1, Outcome.WORKS),
        ("0.4.14", 1, Outcome.BROKEN),
    ]
    assert {run.stage for run in found.runs if run.answer == "bad"} == {Stage.LOAD}
    assert "s3prl, towards older releases: last good 0.4.15, first bad 0.4.14" in said
    # both are the matrix's own, by their locks
    assert "0 installs for 2 releases" in said
    assert not (tmp_path / "lab" / "envs").exists()
