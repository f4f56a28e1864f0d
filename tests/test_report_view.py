"""What the forms show: columns, rows, notes, marks, measurements and sentences."""

from __future__ import annotations

import dataclasses

from factories import MODEL, PATHS, make_cell, make_core_results, make_environment, make_evidence, make_results

from asrcompat.model import Device, Features, Outcome, Stage
from asrcompat.report import facts, ladder
from asrcompat.report.measurements import measurements
from asrcompat.report.view import Note, view


def test_a_device_on_which_nothing_ran_is_a_line() -> None:
    prepared = view(make_core_results())
    assert [column.title for column in prepared.columns] == [f"{path} (cpu)" for path in PATHS]
    assert prepared.folded == ("cuda: unavailable on this host (torch sees no CUDA device)",)


def test_a_device_on_which_one_cell_ran_has_its_columns() -> None:
    environment = make_environment()
    cells = [
        make_cell(environment, "a"),
        make_cell(environment, "a", Outcome.UNAVAILABLE, device=Device.CUDA),
        make_cell(environment, "b", device=Device.CUDA),
    ]
    prepared = view(make_results(cells))
    assert [column.title for column in prepared.columns] == ["a (cpu)", "a (cuda)", "b (cuda)"]
    assert prepared.folded == ()
    assert [item and item.label for item in prepared.rows[0].cells] == ["works (train)", "unavailable", "works (train)"]


def test_the_only_device_is_shown_though_nothing_ran() -> None:
    cell = make_cell(outcome=Outcome.UNAVAILABLE, device=Device.CUDA)
    prepared = view(make_results([cell]))
    assert [column.title for column in prepared.columns] == ["transformers (cuda)"]
    assert prepared.folded == ()


def test_a_folded_device_tells_what_else_became_of_it() -> None:
    environment = make_environment()
    cells = [
        make_cell(environment, "a"),
        make_cell(environment, "a", Outcome.UNAVAILABLE, device=Device.CUDA),
        make_cell(environment, "b", Outcome.BROKEN, Stage.INSTALL, device=Device.CUDA),
    ]
    assert view(make_results(cells)).folded == ("cuda: nothing ran (1 unavailable, 1 broken at install)",)


def test_notes_tell_the_cause_or_else_the_exception() -> None:
    environment = make_environment()
    cells = [
        make_cell(environment, "a"),
        make_cell(environment, "b", Outcome.BROKEN, cause="no such file"),
        make_cell(environment, "c", Outcome.BROKEN, exception="pkg.mod.OddError", message="first\nsecond"),
    ]
    assert view(make_results(cells)).rows[0].notes == (
        Note(subject="b", text="no such file"),
        Note(subject="c", text="OddError: first second"),
    )


def test_a_reason_common_to_the_row_is_told_once_and_cut() -> None:
    environment = make_environment()
    cells = [make_cell(environment, path, Outcome.BROKEN, message="word " * 100) for path in PATHS]
    (note,) = view(make_results(cells)).rows[0].notes
    assert note.subject == "all"
    assert len(note.text) <= 160


def test_cells_are_marked_where_they_differ_from_the_baseline() -> None:
    prepared = view(make_core_results())
    marks = {(row.environment.number, item.cell.path): item.mark for row in prepared.rows for item in row.cells if item}
    assert marks.pop((5, "s3prl-hf")) == "regression"
    assert marks.pop((6, "espnet-s3prl")) == "better than expected"
    assert set(marks.values()) == {""}


def test_the_lists_come_worst_first_and_only_where_filled() -> None:
    assert [title for title, _ in view(make_core_results()).expectations] == [
        "Worse than expected",
        "Better than expected",
        "Not finished",
    ]
    assert view(make_results()).expectations == ()


def test_measurements_hold_what_ran_in_ladder_order() -> None:
    environment = make_environment()
    cell = make_cell(environment, seconds={"train": 20.0, "load": 1.25, "total": 22.0})
    table = measurements([cell, make_cell(outcome=Outcome.UNAVAILABLE)], {environment.id: 7})
    assert table.titles[-3:] == ("load", "train", "total")
    assert table.lines == (
        (
            "7",
            "transformers",
            "cpu",
            "✓ works (train)",
            "768",
            "99",
            "2.5e-06",
            "raw",
            "20/20",
            "1.2 s",
            "20 s",
            "22 s",
        ),
    )


def test_rungs_stand_in_climbing_order_with_their_outcome() -> None:
    cell = make_cell(outcome=Outcome.BROKEN, failed=Stage.LOAD)
    shuffled = dataclasses.replace(cell, checks=cell.checks[::-1])
    assert [(rung.stage, rung.sign, rung.seconds) for rung in ladder.rungs(shuffled)] == [
        (Stage.IMPORT, "✓", "1.5 s"),
        (Stage.LOAD, "✗", ""),
    ]


def test_measured_leaves_out_what_is_not_there() -> None:
    assert ladder.measured(make_cell(outcome=Outcome.UNAVAILABLE)) == ()
    assert ladder.features(Features(width=768)) == "768 wide"
    evidence = make_evidence(make_environment(), mode="fresh")
    assert dict(ladder.measured(make_cell(evidence=evidence)))["run"].startswith("process 4711, fresh, ")


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
    ((title, (told,)),) = view(make_results(expectations={"unlisted": [entry], "regressions": []})).expectations
    assert (title, told.subject, told.text) == ("Not in the baseline", "e, p, cpu", "found works")
