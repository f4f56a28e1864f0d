"""Rows from elsewhere: whose result may stand in a report, and that it is admitted like any other."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from factories import MODEL, make_cell, make_environment, make_environment_result, make_evidence

from asrcompat.cli import main
from asrcompat.doctor import guests
from asrcompat.errors import UsageError
from asrcompat.model import EnvironmentResult, Outcome
from asrcompat.result_files import dump, parse_results
from asrcompat.spec import load_spec

NAME = "doctor-box-py3.10-torch2.3.1"


def guest(name: str = NAME, **changes: Any) -> EnvironmentResult:
    """Make a result of `doctor`."""
    environment = make_environment(name, host="box", installed=("s3prl==0.4.15", "torch==2.3.1"), ran_at="2026-11-22")
    return make_environment_result(dataclasses.replace(environment, **changes.pop("environment", {})), **changes)


def write(file: Path, result: EnvironmentResult) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dump(result), encoding="utf-8")
    return file


def read(*files: Path, folder: Path = Path("nowhere"), said: list[str] | None = None) -> tuple[EnvironmentResult, ...]:
    warn = (said if said is not None else []).append
    return guests.read(files, folder, model=MODEL, weights="synthetic-base", warn=warn)


def test_named_files_and_those_dropped_in_are_read_and_the_newest_of_one_environment_counts(tmp_path: Path) -> None:
    old = write(tmp_path / "old.json", guest(generated_at="2026-01-01T00:00:00+00:00"))
    write(tmp_path / "in" / "new.json", guest(generated_at="2026-02-01T00:00:00+00:00"))
    write(tmp_path / "in" / "other.json", guest("doctor-other"))
    told: list[str] = []
    found = read(old, folder=tmp_path / "in", said=told)
    assert told == [
        f"passed over: {old}: {tmp_path / 'in' / 'new.json'} is a newer result of the same environment",
    ]
    assert [(one.environment.id, one.generated_at[:7]) for one in found] == [
        (NAME, "2026-02"),
        ("doctor-other", "2026-11"),
    ]
    text = guests.locks(found)[f"locks/{NAME}.txt"]
    assert text.startswith("# found installed on host box, not resolved: no hashes\n")
    assert text.endswith("s3prl==0.4.15\ntorch==2.3.1\n")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (guest(weights="synthetic-small"), "run `doctor --weights synthetic-base` there"),
        (guest(model="other/model"), "it is of other/model"),
        (guest(environment={"host": None}), "not a result of `doctor`"),
        (guest(environment={"lock": "locks/../../x.txt"}), "is no lock's name"),
        (guest(environment={"id": "doctor-/../x", "lock": "locks/doctor-/../x.txt"}), "is no lock's name"),
        (guest(environment={"lock": "locks/other.txt"}), "has one by its own id"),
        (guest("py3.10-torch2.3.1"), "is not one that `doctor` gives"),
        (guest(cells=[make_cell(make_environment("doctor-other"))]), "holds a cell of doctor-other"),
        (guest(cells=[make_cell(make_environment(NAME), "espnet-config")]), "no row of a report"),
    ],
)
def test_what_does_not_belong_ends_the_command_if_named_and_is_passed_over_if_dropped_in(
    wrong: EnvironmentResult, said: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "in" / "wrong.json", wrong)
    with pytest.raises(UsageError) as caught:
        read(file)
    assert said in str(caught.value)
    assert "wrong.json" in str(caught.value)
    told: list[str] = []
    assert read(folder=tmp_path / "in", said=told) == ()
    assert said in told[0]


def test_two_named_files_of_one_environment_are_refused_and_both_are_named(tmp_path: Path) -> None:
    one, copy = (write(tmp_path / f"{name}.json", guest()) for name in ("one", "copy"))
    other = write(tmp_path / "other.json", guest(generated_at="2026-01-01T00:00:00+00:00"))
    assert [found.environment.id for found in read(one, copy, one)] == [NAME]
    with pytest.raises(UsageError) as caught:
        read(one, other)
    assert f"{one} and {other}: both are of {NAME}" in str(caught.value)
    assert "doctor --host NAME" in str(caught.value)


def test_nothing_that_is_dropped_in_ends_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even what would stand in for an environment of the matrix."""
    request = load_spec(ROOT / "matrix.toml").environments("core")[0]
    results = tmp_path / "work" / "results" / "synthetic-base"
    write(results / f"{request.id}.json", make_environment_result(make_environment(request.id, lock=None)))
    reports = tmp_path / "reports"
    arguments = ["report", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path / "work")]
    before = main([*arguments, "--reports", str(reports)])
    write(results / "doctor" / "a.json", guest(request.id))
    write(results / "doctor" / "b.json", guest("doctor-b", cells=[make_cell(make_environment(request.id))]))
    capsys.readouterr()
    assert main([*arguments, "--reports", str(reports)]) == before
    said = capsys.readouterr().out
    assert [f"passed over: {results / 'doctor' / name}.json: " in said for name in ("a", "b")] == [True, True]
    merged = parse_results((reports / "results.json").read_bytes(), source="results.json")
    assert [one.id for one in merged.environments] == [request.id]


@pytest.mark.parametrize("content", [None, "{}", "not json"])
def test_a_file_that_is_none_says_what_to_give(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"doctor --out FILE") as caught:
        read(file)
    assert caught.value.exit_code == 2


def test_a_guest_is_a_row_of_the_report_with_its_host_its_lock_and_the_same_admission(tmp_path: Path) -> None:
    """One whose probe read other versions than it claims is refused, as a cell of the matrix would be."""
    request = load_spec(ROOT / "matrix.toml").environments("core")[0]
    results = tmp_path / "work" / "results" / "synthetic-base"
    environment = make_environment(request.id, lock=None)
    write(results / f"{request.id}.json", make_environment_result(environment))
    good = write(tmp_path / "good.json", guest())
    claimed = make_environment("doctor-liar", host="liar", installed=("torch==2.3.1",))
    lie = make_cell(claimed, evidence=make_evidence(claimed, versions={**claimed.packages, "torch": "2.0.0"}))
    write(results / "doctor" / "liar.json", make_environment_result(claimed, [lie]))
    reports = tmp_path / "reports"
    arguments = ["report", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path / "work"), "--quiet"]
    main([*arguments, "--reports", str(reports), "--with", str(good)])
    merged = parse_results((reports / "results.json").read_bytes(), source="results.json")
    assert [one.id for one in merged.environments] == [request.id, NAME, "doctor-liar"]
    assert [one.host for one in merged.environments] == [None, "box", "liar"]
    outcomes = {cell.environment: cell for cell in merged.cells}
    assert outcomes[NAME].outcome is Outcome.WORKS
    assert outcomes["doctor-liar"].outcome is Outcome.ERROR
    assert "the probe read torch 2.0.0, where 2.3.1 is locked" in outcomes["doctor-liar"].message
    assert "torch==2.3.1" in (reports / "locks" / f"{NAME}.txt").read_text(encoding="utf-8")
    # what somebody's machine found is no regression of ours
    judged = {
        one["environment"] for name in ("regressions", "unfinished", "unlisted") for one in merged.expectations[name]
    }
    assert not {name for name in judged if name.startswith("doctor")}
