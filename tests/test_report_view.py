"""What the forms show beside the tables: reasons, marks, ladders and sentences."""

from __future__ import annotations

import dataclasses

from core_results import make_core_results
from factories import MODEL, make_cell, make_check, make_environment, make_expectation, make_results
from wide_results import make_wide_results

from asrcompat.model import Outcome, Stage
from asrcompat.report import facts, ladder
from asrcompat.report.view import commands, view


def test_reasons_tell_each_failure_once_with_its_places() -> None:
    told = [(reason.failure.title, reason.where) for reason in view(make_wide_results()).reasons]
    assert (
        "AssertionError: 13 of 20 trials passed; others: 12, 13, unstable",
        "s3prl-hf, s3prl-hf@preprocessor, s3prl-hf@resaved, espnet-s3prl in 4, 6",
    ) in told
    assert (f"OSError: {MODEL} does not appear to have a file…, broken at load", "espnet-huggingface in 3–6, 8") in told
    assert len(told) == 6


def test_the_lists_come_worst_first_and_only_where_filled() -> None:
    assert [(group.title, group.folded) for group in view(make_core_results()).expectations] == [
        ("Worse than expected", False),
        ("Better than expected", False),
        ("Not finished", False),
    ]
    assert view(make_results()).expectations == ()


def test_paths_that_differ_in_the_same_way_are_one_entry() -> None:
    (group,) = view(make_wide_results()).expectations
    assert (group.title, group.folded, group.cells) == ("Not in the baseline", True, 87)
    subject = "py311-torch2.8.0-tf4.57.6, espnet-huggingface, cpu"
    assert [entry.text for entry in group.entries if entry.subject == subject] == [
        "not in the baseline, found broken at load"
    ]
    assert len(group.entries) == 21


def test_a_reason_is_told_in_a_line_without_what_our_own_checks_raise() -> None:
    entry = make_expectation(make_cell(), reason="asrcompat.probe.cell.CheckFailed: width\n512 " + "and more " * 50)
    (group,) = view(make_results(expectations={"regressions": [entry]})).expectations
    (told,) = group.entries
    assert told.reason.startswith("width 512 and more")
    assert len(told.reason) <= 300


def test_a_cell_of_another_host_is_run_again_there() -> None:
    results = make_wide_results()
    command = commands(results)
    found = next(cell for cell in results.cells if cell.environment == "gpu-box-venv")
    assert command(found) == (
        "asrcompat doctor --weights synthetic-base --paths transformers --devices cpu  # with --python, on gpu-box"
    )
    assert command(results.cells[0]).startswith('nox -s "py310-torch2.3.1-s3prl0.4.14" -- ')


def test_rungs_tell_required_checks_and_count_the_others() -> None:
    cell = make_cell()
    beside = make_check(Stage.LOAD, id="loader-report", required=False, message="long")
    recipe = make_check(Stage.RECIPE, id="asr-train", required=False)
    rungs = ladder.rungs(dataclasses.replace(cell, checks=(*cell.checks, beside, recipe)))
    assert rungs[1].lines == ("✓ load-ok", "1 check beside, deciding nothing")
    assert rungs[-1].stage is Stage.TRAIN


def test_rungs_stand_in_climbing_order_with_their_outcome() -> None:
    cell = make_cell(outcome=Outcome.BROKEN, failed=Stage.LOAD)
    shuffled = dataclasses.replace(cell, checks=cell.checks[::-1])
    assert [(rung.stage, rung.sign, rung.seconds) for rung in ladder.rungs(shuffled)] == [
        (Stage.IMPORT, "✓", "1.5 s"),
        (Stage.LOAD, "✗", ""),
    ]


def test_the_introduction_says_what_was_run() -> None:
    text = facts.intro(make_results())
    for part in (
        MODEL,
        "synthetic-base",
        "core",
        "Linux 6.1",
        "2026-11-22T19:00:00+00:00",
        "0.1.0 commit c057ff8a1c62",
    ):
        assert part in text


def test_the_introduction_says_when_environments_are_of_several_runs() -> None:
    old, new = make_environment("a", commit="aaaa"), make_environment("b", commit="bbbb")
    assert facts.intro(make_results([], [old, new])).endswith(" Environments of several runs: see each.")
    assert "several runs" not in facts.intro(make_results([], [old, dataclasses.replace(old, id="b")]))


def test_the_summary_counts_by_outcome() -> None:
    assert facts.summary(make_core_results()) == (
        "36 cells in 6 environments: 11 works, 4 broken, 2 unstable, 18 unavailable, 1 error."
    )
    assert facts.summary(make_results([], [])) == "0 cells in 0 environments."


def test_other_hosts_are_told_apart() -> None:
    results = make_results(host={"cpu": "one", "others": [{"cpu": "two", "environments": ["e"]}]})
    assert facts.host(results) == (("cpu", "one"), ("host 2, cpu", "two"), ("host 2, environments", "e"))


def test_what_the_baseline_does_not_know_is_told() -> None:
    entry = {"environment": "e", "path": "p", "device": "cpu", "found": "works", "toml": "..."}
    (group,) = view(make_results(expectations={"unlisted": [entry], "regressions": []})).expectations
    (told,) = group.entries
    assert (group.title, told.subject, told.text) == ("Not in the baseline", "e, p, cpu", "found works")


def test_all_forms_of_one_report_share_what_is_prepared_for_them() -> None:
    first, second = make_results(), make_results()
    assert view(first) is view(first)
    other = view(dataclasses.replace(second, missing=("e",)))
    assert other is not view(second)
    assert other.missing == ("e",)
