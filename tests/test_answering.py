"""With --json a program finds one JSON text on standard output, and everything else on the error stream."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import ROOT
from factories import make_cell, make_environment, make_environment_result
from small_run import OLD, bench, command, index
from test_reporting import BASE, lock_of
from tiny_lab import Surroundings

from asrcompat.answering import answer, for_programs
from asrcompat.cli import main
from asrcompat.model import Outcome
from asrcompat.run.store import Store

__all__ = ["bench", "index"]  # fixtures


def test_only_the_answer_is_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with for_programs(wanted=True):
        print("progress")
        answer({"a": "ä\ud800"})
    print("after")
    said = capsys.readouterr()
    assert said.err == "progress\n"
    assert said.out.endswith("after\n")
    assert json.loads(said.out.removesuffix("after\n")) == {"a": "ä\ufffd"}


@pytest.mark.parametrize("as_text", [False, True])
def test_what_packages_say_moves_no_terminal(as_text: bool, capsys: pytest.CaptureFixture[str]) -> None:
    told = {"a": "\x9b31m\u202eevil\x7f\U0001f600\n"}
    answer(json.dumps(told, ensure_ascii=False) if as_text else told)
    said = capsys.readouterr().out
    assert set(said) <= {"\n", *map(chr, range(0x20, 0x7F))}
    assert json.loads(said) == told


def test_where_no_program_reads_nothing_changes(capsys: pytest.CaptureFixture[str]) -> None:
    with for_programs(wanted=False):
        print("progress")
    assert capsys.readouterr().out == "progress\n"


def test_a_run_for_programs_tells_progress_apart(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "matrix", "--json") == 0
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (told["schema"], told["profile"], told["exit_code"]) == (1, "core", 0)
    assert told["cells"] == {"works": 3, "broken": 1}
    described = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    assert [name for name in (*told, *told["worse"], *told["install"][0]) if name not in described] == []
    assert Path(told["results"]).is_file() or (tmp_path / told["results"]).is_file()
    assert "profile core: 2 environments" in said.err
    assert "report:" not in said.out + said.err


def test_a_story_for_programs(bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path, "why", OLD, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["asked"] == OLD
    assert told["story"][-1] == "not run here yet"
    assert (told["ran_here"], told["cells"]) == (False, [])
    assert command(tmp_path, "matrix") == 0
    capsys.readouterr()
    assert command(tmp_path, "why", OLD, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ran_here"], [one["outcome"] for one in told["cells"]]) == (True, ["works", "works"])


def test_nothing_to_cure_is_an_answer_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = make_environment(BASE)
    Store(tmp_path, "synthetic-base").write(
        make_environment_result(base, [make_cell(base, "s3prl-hf")]), lock=lock_of(base)
    )
    arguments = ["remedy", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path), "--environments", BASE]
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "missing": [], "environments": []}


def test_rules_for_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = make_environment(BASE)
    broken = make_cell(base, "s3prl-hf", Outcome.BROKEN, exception="OddError", message="odd")
    Store(tmp_path, "synthetic-base").write(make_environment_result(base, [broken]), lock=lock_of(base))
    code = main(["rules", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["unfinished"] is (code == 3)
    assert [one["verdict"] for one in told["rules"]] == ["everywhere"]


def test_a_wrong_word_says_nothing_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--profile", "cor", "--json", "--matrix", str(ROOT / "matrix.toml")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "did you mean 'core'?" in said.err
