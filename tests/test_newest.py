"""The newest answer in the README: what the committed results give, written where its marks are and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT
from factories import PATHS, make_cell, make_environment, make_environment_result, make_results

from asrcompat.cli import main as command
from asrcompat.model import Environment, Outcome, Results
from asrcompat.report.newest import BEGIN, END, main, newest, written
from asrcompat.report.publish import results_json
from asrcompat.result_files import published_reports
from asrcompat.run.store import Store


def environment(torch: str, s3prl: str = "s3prl") -> Environment:
    packages = {"torch": torch, "torchaudio": torch, s3prl: "1", "espnet": "202402", "transformers": "4.41.2"}
    return make_environment(f"torch{torch}-{s3prl}", packages=packages)


def results(*broken: tuple[Environment, str]) -> Results:
    every = (environment("2.3.1"), environment("2.8.0"), environment("2.8.0", "espnet-s3prl"))
    gone = {(one.id, path) for one, path in broken}
    cells = [
        make_cell(one, path, Outcome.BROKEN if (one.id, path) in gone else Outcome.WORKS, signature="odd")
        for one in every
        for path in (*PATHS, "s3prl-hf@resaved")
    ]
    return make_results(cells, every, signatures=({"id": "odd", "title": "Something | odd", "cells": []},))


def test_the_readme_has_what_the_committed_results_give() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    told = published_reports(ROOT, warn=pytest.fail)
    assert f"{BEGIN}\n{newest(told)}\n{END}" in readme, "write it again: python -m asrcompat.report.newest"


def test_a_line_for_each_path_with_the_newest_and_with_what_it_works() -> None:
    text = newest({"reports": results((environment("2.8.0"), "s3prl-hf"))})
    assert "--require-hashes reports/locks/torch2.8.0-espnet-s3prl.txt" in text
    lines = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert lines == [
        "| transformers | ✓ works | torch 2.8.0, transformers 4.41.2, s3prl 1, espnet 202402 |",
        (
            "| s3prl-hf | s3prl: ✗ broken at load: Something &#124; odd; espnet-s3prl: ✓ works "
            "| torch 2.8.0, transformers 4.41.2, espnet-s3prl 1, espnet 202402 |"
        ),
        "| espnet-s3prl | ✓ works | torch 2.8.0, transformers 4.41.2, s3prl 1, espnet 202402 |",
    ]


def test_what_fares_otherwise_is_labelled_by_what_tells_it_apart() -> None:
    """The same distribution under two labels said two things of one."""
    plain, fork = environment("2.8.0"), environment("2.8.0", "espnet-s3prl")
    more = make_environment("more", packages={**fork.packages, "fairseq": "0.12.2"})
    every = (plain, fork, more)
    cells = [
        make_cell(one, "s3prl-hf", Outcome.BROKEN, exception="OSError" if one is more else "ImportError")
        for one in every
    ]
    text = newest({"reports": make_results(cells, every)})
    assert (
        "| s3prl-hf | without fairseq: ✗ broken at load: ImportError; with fairseq 0.12.2: ✗ broken at load: OSError |"
        in text
    )


def test_where_there_is_no_newest_nothing_is_said_of_it() -> None:
    text = newest({"reports": make_results([], [])})
    assert "On the CPU, the newest with which each path works:" in text
    assert "newest that was tested" not in text


def test_where_nothing_works_that_is_said() -> None:
    only = environment("2.3.1")
    text = newest({"reports": make_results([make_cell(only, path, Outcome.BROKEN) for path in PATHS], [only])})
    assert text.startswith("In no environment that was run a way that people take most works.")
    assert "| transformers | ✗ broken at load: OSError | none |" in text


def test_it_is_written_between_the_marks_alone_by_all_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    older = make_results([make_cell(environment("2.3.1"), path) for path in PATHS], [environment("2.3.1")])
    for folder, told in (("reports", older), ("reports/nightly", results())):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "results.json").write_text(results_json(told), encoding="utf-8")
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    main()
    once = readme.read_text(encoding="utf-8")
    both = published_reports(tmp_path, warn=pytest.fail)
    assert list(both) == ["reports", "reports/nightly"]
    assert once == f"before\n{BEGIN}\n{newest(both)}\n{END}\nafter\n"
    assert "--require-hashes reports/nightly/locks/torch2.8.0-" in once, "the newest, whichever report has it"
    assert written(once, both) == once


@pytest.mark.parametrize("text", ["no marks", f"{BEGIN} without an end", f"{END} alone"])
def test_a_readme_without_the_marks_stays_as_it_is(text: str) -> None:
    assert written(text, {"reports": results()}) == text


def test_what_was_asked_for_besides_is_told() -> None:
    only = make_environment(packages={**environment("2.3.1").packages, "fairseq": "0.12.2"})
    text = newest({"reports": make_results([make_cell(only, "transformers")], [only])})
    assert "espnet 202402, fairseq 0.12.2 |" in text


@pytest.mark.parametrize(("folder", "told"), [("reports", True), ("elsewhere", False)])
def test_publishing_the_report_that_the_readme_is_about_writes_it(tmp_path: Path, folder: str, told: bool) -> None:
    for name in ("baseline.toml", "fixtures"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "matrix.toml").write_bytes((ROOT / "matrix.toml").read_bytes())
    readme = tmp_path / "README.md"
    readme.write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    identity = "py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2"
    one = make_environment(identity)
    lock = "".join(f"{name}=={version}\n" for name, version in one.packages.items())
    cells = [make_cell(one, path) for path in PATHS]
    Store(tmp_path / ".asrcompat", "synthetic-base").write(make_environment_result(one, cells), lock=lock)
    command(["report", "--matrix", str(tmp_path / "matrix.toml"), "--reports", str(tmp_path / folder)])
    assert (f"reports/locks/{identity}.txt" in readme.read_text(encoding="utf-8")) is told
