"""What of a plan was seen: pairs counted from results, and what is told of those that cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from factories import make_cell, make_environment, make_results
from html_page import whole
from planned import CLASH, NEW_ID, OLD_ID, THIRD_ID, make_plan

from asrcompat.model import Outcome, Results, Stage
from asrcompat.plan.document import Impossible
from asrcompat.plan.space import Pair
from asrcompat.report.coverage import coverage, coverage_data, uses
from asrcompat.report.environments import rows
from asrcompat.report.publish import publish
from asrcompat.report.render import markdown_pages
from asrcompat.result_files import dump, parse_results

UNSURE = (("python", "3.10"), ("transformers", "5.24.0"))


def results() -> Results:
    """The old environment works by one path of two; the new one breaks by both."""
    old, new = make_environment(f"{OLD_ID}"), make_environment(NEW_ID)
    cells = [
        make_cell(old, "transformers"),
        make_cell(old, "s3prl-hf", Outcome.BROKEN, failed=Stage.LOAD),
        make_cell(new, "transformers", Outcome.BROKEN, failed=Stage.IMPORT),
        make_cell(new, "s3prl-hf", Outcome.ERROR, failed=Stage.INSTALL, message="the index was down"),
    ]
    found = make_results(cells, [old, new])
    return replace(found, coverage=coverage_data(make_plan(), found))


def test_pairs_are_counted_by_what_was_seen() -> None:
    counts = results().coverage["counts"]
    assert counts["all"] == 4 + 3 * 4 + 4 + 3 * 2 + 6
    assert (counts["impossible"], counts["feasible"]) == (1, 31)
    assert counts["planned"] == 2 * 10
    # the old one's six pairs of four axes by s3prl-hf, the new one's three of three by transformers
    assert (counts["verdict"], counts["working"]) == (6 + 3, 3)
    assert counts["paths"] == {
        "transformers": {"of": 11, "verdict": 6, "working": 3},
        "s3prl-hf": {"of": 23, "verdict": 6, "working": 0},
    }


@pytest.mark.parametrize(
    ("path", "pair", "used"),
    [
        ("transformers", (("python", "3.10"), ("torch", "2.3.1")), True),
        ("transformers", (("torch", "2.3.1"), ("transformers", "4.41.2")), True),
        ("transformers", (("transformers", "4.41.2"), ("s3prl", "0.4.15")), False),
        ("s3prl-hf", (("transformers", "4.41.2"), ("s3prl", "0.4.15")), True),
        ("s3prl-hf@preprocessor", (("transformers", "4.41.2"), ("s3prl", "espnet-s3prl 2026.5.14")), True),
        ("s3prl-converted@converted", (("transformers", "4.41.2"), ("s3prl", "0.4.15")), False),
        ("s3prl-hf", (("s3prl", "0.4.15"), ("espnet", "202402")), False),
        ("espnet-s3prl", (("s3prl", "0.4.15"), ("espnet", "202402")), True),
        ("espnet-huggingface", (("transformers", "4.41.2"), ("espnet", "202402")), True),
        ("torchaudio-hf", (("transformers", "4.41.2"), ("espnet", "202402")), False),
        ("of a later version", (("transformers", "4.41.2"), ("python", "3.10")), False),
    ],
)
def test_a_path_says_something_of_the_packages_that_it_uses(path: str, pair: Pair, used: bool) -> None:
    assert uses(path, pair) is used


def test_what_works_without_a_package_does_not_show_that_one_working() -> None:
    """Where every path of S3PRL's breaks, Transformers alone is no sign that the two go together."""
    found = results()
    view = coverage(found, rows(found.environments, found.cells))
    assert view is not None
    tables = {one.title: one.grid for one in view.tables}
    assert tables["transformers with s3prl"].lines[0].entries[0].text == "✗ 1"
    assert tables["python with transformers"].lines[0].entries[0].text == "✓ 1"
    assert tables["s3prl with espnet"].lines[0].entries[0].text == "no path uses both"


def test_an_error_is_no_verdict_and_a_build_of_torch_no_other_environment() -> None:
    old = make_environment(OLD_ID.replace("torch2.3.1", "torch2.3.1+cpu"), lock_sha256=make_plan().rows[0].lock_sha256)
    lost = make_environment(NEW_ID)
    found = make_results(
        [make_cell(old), make_cell(lost, outcome=Outcome.ERROR, message="the index was down")], [old, lost]
    )
    counts = coverage_data(make_plan(), found)["counts"]
    assert counts["verdict"] == 3


def test_a_result_of_another_lock_shows_nothing_of_the_planned_versions() -> None:
    old = make_environment(OLD_ID, lock_sha256="of last week")
    found = make_results([make_cell(old)], [old])
    counts = coverage_data(make_plan(), found)["counts"]
    assert (counts["planned"], counts["verdict"]) == (20, 0)


def test_every_pair_has_its_place_with_the_environments_that_show_it() -> None:
    found = results()
    view = coverage(found, rows(found.environments, found.cells))
    assert view is not None
    table = next(one for one in view.tables if one.title == "python with torch").grid
    told = {
        (line.head.text, column.text): entry.text
        for line in table.lines
        for column, entry in zip(table.columns, line.entries, strict=True)
    }
    assert told == {
        ("3.10", "2.3.1"): "✓ 1",
        ("3.10", "2.8.0"): "cannot be",
        ("3.12", "2.3.1"): "not planned",
        ("3.12", "2.8.0"): "✗ 2",
    }


def test_a_planned_environment_without_result_is_not_run() -> None:
    found = make_results([make_cell(make_environment(OLD_ID))], [make_environment(OLD_ID)])
    found = replace(found, coverage=coverage_data(make_plan(), found))
    view = coverage(found, rows(found.environments, found.cells))
    assert view is not None
    (table,) = [one.grid for one in view.tables if one.title == "torch with transformers"]
    assert [entry.text for entry in table.lines[1].entries] == ["not planned", "not run"]


def test_the_page_tells_reasons_and_what_is_beyond_the_budget() -> None:
    page = markdown_pages(results())["coverage.md"]
    for text in (
        "torch 2.15.0: there is no torchaudio 2.15.0 to go with it",
        "- python 3.10 with torch 2.8.0: Because they clash.",
        "- python 3.12 with torch 2.3.1",
        f"- {THIRD_ID}: covers pairs: 3 that none before has",
    ):
        assert text in page.replace("\\", "")
    assert CLASH.splitlines()[-1].strip() in whole(results())


def test_a_pair_that_only_others_forbid_names_them() -> None:
    pair = (("torch", "2.8.0"), ("transformers", "4.41.2"))
    plan = make_plan()
    plan = replace(plan, impossible=(*plan.impossible, Impossible(pair=pair, pruned=(0, 1))), undecided=(UNSURE,))
    found = results()
    view = coverage(replace(found, coverage=coverage_data(plan, found)), rows(found.environments, found.cells))
    assert view is not None
    assert view.lost == (
        (
            "torch 2.8.0 with transformers 4.41.2",
            "python 3.10 with torch 2.8.0 (conflict); python 3.12 with s3prl 0.4.14 (no files)",
        ),
        ("python 3.10 with transformers 5.24.0", "undecided: only what says nothing of the packages forbids it"),
    )


def test_the_page_is_the_same_from_the_published_file() -> None:
    """Pairs are lists there, and what only the next plan needs is left out."""
    read = parse_results(dump(results()), source="results.json")
    assert markdown_pages(read)["coverage.md"] == markdown_pages(results())["coverage.md"]


def test_results_without_a_plan_have_no_such_page(tmp_path: Path) -> None:
    publish(make_results(), tmp_path)
    assert not (tmp_path / "coverage.md").exists()
    assert "coverage.md" not in (tmp_path / "compatibility.md").read_text()
    publish(results(), tmp_path)
    assert "(coverage.md)" in (tmp_path / "compatibility.md").read_text()
    assert (tmp_path / "coverage.md").exists()
