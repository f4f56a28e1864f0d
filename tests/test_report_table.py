"""The main table: a line per path, a column per environment, a table per device."""

from __future__ import annotations

from typing import Any

from core_results import make_core_results
from factories import PATHS, make_cell, make_environment, make_evidence, make_results
from wide_results import make_wide_results

from asrcompat.model import Cell, Device, Outcome, Results, Stage
from asrcompat.report.measurements import measurements
from asrcompat.report.table import paths
from asrcompat.report.view import view
from asrcompat.report.where import where


def shown(results: Results, number: int = 0) -> dict[str, list[str]]:
    """Give the texts of a table's lines by their heads."""
    grid = view(results).tables[number].grid
    return {line.head.text: [entry.text for entry in line.entries] for line in grid.lines}


def test_versions_stand_above_and_every_path_below() -> None:
    lines = shown(make_wide_results())
    assert lines["torch"][:2] == ["2.3.1 (cu121)", "2.3.1 (cu121)"]
    assert lines["s3prl"][5] == "espnet-s3prl 2026.5.14"
    assert lines["fairseq"] == [""] * 6 + ["0.12.2", ""]
    assert lines["derived from"] == [""] * 6 + ["2", ""]
    assert lines["host"] == [""] * 7 + ["gpu-box, 2026-11-21"]
    assert lines["s3prl-hf"] == ["✗ load", "✓ works", "✓ works", "~ 13/20", "✗ import", "~ 13/20", "·", "✓ works"]
    assert lines["espnet-fairseq"] == ["·"] * 6 + ["✓ works", "·"]


def test_what_no_environment_has_is_no_line() -> None:
    lines = shown(make_core_results())
    assert not {"fairseq", "derived from", "host"} & set(lines)
    assert list(lines)[:6] == ["Python", "torch", "torchaudio", "s3prl", "espnet", "transformers"]


def test_states_of_a_path_follow_it() -> None:
    names = ["a", "b@resaved", "b", "a@resaved", "a@preprocessor", "a@strange"]
    cells = [make_cell(path=name) for name in names]
    assert paths(cells) == ["a", "a@preprocessor", "a@resaved", "a@strange", "b", "b@resaved"]


def test_every_cell_leads_to_its_failure_or_to_itself() -> None:
    grid = view(make_core_results()).tables[0].grid
    targets = {
        (line.head.text, number): entry.target and entry.target.anchor
        for line in grid.lines
        if not line.quiet
        for number, entry in enumerate(line.entries, start=1)
    }
    assert targets["s3prl-hf", 1] == targets["espnet-s3prl", 1] == "failure-1"
    assert targets["transformers", 1] == "cell-1"
    assert None not in targets.values()


def test_a_device_on_which_nothing_ran_is_a_line() -> None:
    prepared = view(make_core_results())
    assert [table.device for table in prepared.tables] == [Device.CPU]
    assert prepared.folded == ("cuda: unavailable on this host (torch sees no CUDA device)",)


def test_a_device_on_which_one_cell_ran_has_its_table() -> None:
    environment = make_environment()
    cells = [
        make_cell(environment, "a"),
        make_cell(environment, "a", Outcome.UNAVAILABLE, device=Device.CUDA),
        make_cell(environment, "b", device=Device.CUDA),
    ]
    results = make_results(cells)
    assert [table.device for table in view(results).tables] == [Device.CPU, Device.CUDA]
    assert view(results).folded == ()
    assert "b" not in shown(results)
    assert (shown(results, 1)["a"], shown(results, 1)["b"]) == (["– unavailable"], ["✓ works"])


def test_the_only_device_is_shown_though_nothing_ran() -> None:
    prepared = view(make_results([make_cell(outcome=Outcome.UNAVAILABLE, device=Device.CUDA)]))
    assert [table.device for table in prepared.tables] == [Device.CUDA]
    assert prepared.folded == ()


def test_a_folded_device_tells_what_else_became_of_it() -> None:
    environment = make_environment()
    cells = [
        make_cell(environment, "a"),
        make_cell(environment, "a", Outcome.UNAVAILABLE, device=Device.CUDA),
        make_cell(environment, "b", Outcome.BROKEN, Stage.INSTALL, device=Device.CUDA),
    ]
    assert view(make_results(cells)).folded == ("cuda: nothing ran (1 unavailable, 1 broken at install)",)


def test_cells_are_marked_where_they_differ_from_the_baseline() -> None:
    grid = view(make_core_results()).tables[0].grid
    marks = {
        (line.head.text, number): entry.mark
        for line in grid.lines
        for number, entry in enumerate(line.entries, start=1)
        if entry.mark
    }
    assert marks == {("s3prl-hf", 5): "regression", ("espnet-s3prl", 6): "better than expected"}


def test_measurements_hold_what_ran_in_ladder_order() -> None:
    environment = make_environment()
    cell = make_cell(environment, seconds={"train": 20.0, "load": 1.25, "total": 22.0})
    prepared = view(make_results([cell, make_cell(path="x", outcome=Outcome.UNAVAILABLE)]))
    grid = prepared.environments[0].cells
    assert grid is not None
    assert [column.text for column in grid.columns] == ["device", "result", "trials", "load", "train", "total"]
    (line,) = grid.lines
    assert (line.head.text, line.anchor) == ("transformers", "cell-1")
    assert [entry.text for entry in line.entries] == ["cpu", "✓ works (train)", "20/20", "1.2 s", "20 s", "22 s"]


def test_measurements_tell_with_how_many_threads_each_cell_ran() -> None:
    """An environment that goes on alone takes the cores of those that ended; one that died early computed nothing."""
    environment = make_environment()
    cells = [
        make_cell(environment, path, evidence=make_evidence(environment, threads=threads))
        for path, threads in (("a", 1), ("b", 2), ("c", None))
    ]
    grid = view(make_results(cells)).environments[0].cells
    assert grid is not None
    column = [each.text for each in grid.columns].index("threads")
    assert [line.entries[column].text for line in grid.lines] == ["1", "2", ""]


def test_an_environment_in_which_nothing_ran_has_no_measurements() -> None:
    assert measurements([make_cell(outcome=Outcome.UNAVAILABLE)], {}, {}) is None


def cells_of(*places: tuple[str, str], **changes: Any) -> list[Cell]:
    """Make cells of these paths and environments."""
    return [make_cell(make_environment(environment), path, **changes) for path, environment in places]


def test_places_are_told_in_few_words() -> None:
    numbers = {name: number for number, name in enumerate("abcdefg", start=1)}
    cells = [*(make_cell(make_environment(name), path) for path in PATHS for name in "abcf")]
    assert where([cell.key for cell in cells], numbers) == ", ".join(PATHS) + " in 1–3, 6"
    apart = cells_of(("p", "a"), ("p", "b"), ("q", "b"), ("q", "elsewhere"))
    assert where([cell.key for cell in apart], numbers) == "p in 1, 2; q in 2, elsewhere"
    (cuda,) = cells_of(("p", "a"), device=Device.CUDA)
    assert where([cuda.key], numbers) == "p (cuda) in 1"


def test_places_that_are_all_there_are_need_no_numbers() -> None:
    every = [cell.key for cell in cells_of(("p", "a"), ("p", "b"), ("q", "b"))]
    numbers = {"a": 1, "b": 2}
    assert where(every, numbers, of=every) == "everywhere"
    assert where(every[:2], numbers, of=every) == "p"
    assert where(every[1:], numbers, of=every) == "p in 2; q"
