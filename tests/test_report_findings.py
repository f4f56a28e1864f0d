"""What was found besides: by stage, the same thing once, with the tracebacks and the recipes."""

from __future__ import annotations

import dataclasses
from typing import Any

from factories import make_cell, make_check, make_environment
from wide_results import make_findings, make_wide_results

from asrcompat.model import Cell, Check, CheckOutcome, Device, Outcome, Stage
from asrcompat.report.findings import Findings, findings

OLD, NEW = make_environment("old"), make_environment("new")
NUMBERS = {"old": 1, "new": 2}


def found(message: str, outcome: CheckOutcome = CheckOutcome.PASSED, **changes: Any) -> Check:
    """Make a check that decides nothing."""
    given = {"id": "quiet", "stage": Stage.FEATURES, "required": False, "message": message, "outcome": outcome}
    return dataclasses.replace(make_check(Stage.FEATURES), **{**given, **changes})


def cells(*told: tuple[str, str, Check], device: Device = Device.CPU) -> list[Cell]:
    """Make cells from paths, environments and what was found there."""
    environments = {"old": OLD, "new": NEW}
    return [make_cell(environments[name], path, checks=(check,), device=device) for path, name, check in told]


def stories(result: Findings) -> list[tuple[str, str, str]]:
    """Give every story's sign, text and places."""
    return [
        (story.sign, story.text, story.where)
        for stage in result.stages
        for check in stage.checks
        for story in check.stories
    ]


def grid(result: Findings) -> dict[str, list[str]]:
    """Give the first stage's grid."""
    return {line.head.text: [entry.text for entry in line.entries] for line in result.stages[0].grid.lines}


def test_what_all_say_is_told_once() -> None:
    seen = cells(("p", "old", found("same")), ("p", "new", found("same")), ("q", "new", found("same")))
    assert stories(findings(seen, NUMBERS)) == [("✓", "same", "everywhere")]
    assert grid(findings(seen, NUMBERS)) == {"quiet": ["✓", "✓"]}


def test_what_differs_is_told_by_environment_what_failed_first() -> None:
    bad = found("differs", CheckOutcome.FAILED)
    result = findings(
        cells(("p", "old", found("fine")), ("p", "new", bad), ("q", "old", found("fine")), ("q", "new", found("fine"))),
        NUMBERS,
    )
    assert stories(result) == [("✗", "differs", "p in 2"), ("✓", "fine", "p in 1; q")]
    assert grid(result) == {"quiet": ["✗ 2; ✓ 1", "✓"]}
    assert [entry.kind for entry in result.stages[0].grid.lines[0].entries] == ["unstable", "works"]


def test_a_check_is_everywhere_only_where_all_that_came_so_far_have_it() -> None:
    seen = cells(("p", "old", found("asked")))
    silent = make_cell(NEW, "p")
    assert stories(findings([*seen, silent], NUMBERS)) == [("✓", "asked", "p in 1")]
    assert grid(findings([*seen, silent], NUMBERS)) == {"quiet": ["✓ 1"]}
    tried = make_cell(NEW, "p", Outcome.BROKEN, Stage.FEATURES)
    assert stories(findings([*seen, tried], NUMBERS)) == [("✓", "asked", "p in 1")]
    below = make_cell(NEW, "p", Outcome.BROKEN, Stage.LOAD)
    ours = make_cell(NEW, "p", Outcome.ERROR, Stage.TRAIN)
    for other in (below, ours, make_cell(NEW, "q"), make_cell(NEW, "p", device=Device.CUDA)):
        assert stories(findings([*seen, other], NUMBERS)) == [("✓", "asked", "everywhere")]
        assert grid(findings([*seen, other], NUMBERS)) == {"quiet": ["✓"]}


def test_measured_figures_are_told_as_a_span_per_path() -> None:
    seen = cells(("p", "old", found("by 1.5")), ("p", "new", found("by 1.25")), ("q", "old", found("by 0.5")))
    assert stories(findings(seen, NUMBERS)) == [("✓", "by 1.25 to 1.5", "p"), ("✓", "by 0.5", "q")]


def test_skipped_checks_tell_why_and_silent_ones_stand_in_the_grid() -> None:
    silent, skipped = found("", id="silent"), found("no such option", CheckOutcome.SKIPPED)
    result = findings([make_cell(OLD, "p", checks=(silent, skipped))], NUMBERS)
    assert stories(result) == [("–", "no such option", "everywhere")]
    assert grid(result) == {"silent": ["✓"], "quiet": ["–"]}
    assert next(check.stories for check in result.stages[0].checks) == ()


def test_required_checks_are_no_findings() -> None:
    assert findings([make_cell(OLD)], NUMBERS) == Findings(stages=(), recipe=None, tracebacks=(), summary="", checks={})


def test_devices_are_told_apart() -> None:
    seen = cells(("p", "old", found("a"))) + cells(("p", "old", found("b")), device=Device.CUDA)
    result = findings(seen, NUMBERS)
    assert [stage.title for stage in result.stages] == ["features (cpu)", "features (cuda)"]
    assert [line.entries[0].text for stage in result.stages for line in stage.grid.lines] == ["✓", "✓"]


def test_a_traceback_is_told_once_and_linked_to() -> None:
    def bad(message: str, exception: str = "OSError") -> Check:
        return found(message, CheckOutcome.FAILED, data={"exception": exception, "traceback": f"Traceback {message}"})

    result = findings(
        cells(
            ("p", "old", bad("no file 1")),
            ("p", "new", bad("no file 2")),
            ("q", "old", bad("no file 1", "probe.cell.CheckFailed")),
            ("q", "new", bad("other")),
        ),
        NUMBERS,
    )
    assert [(one.anchor, one.title, one.text, one.where) for one in result.tracebacks] == [
        ("traceback-1", "quiet, OSError", "Traceback no file 1", "p in 1, 2"),
        ("traceback-2", "quiet, OSError", "Traceback other", "q in 2"),
    ]
    told = {story.text: story.traceback for story in result.stages[0].checks[0].stories}
    first, second = told["no file 2"], told["other"]
    assert first is not None
    assert second is not None
    assert (first.anchor, second.anchor) == ("traceback-1", "traceback-2")


def test_a_passed_check_has_no_traceback() -> None:
    check = found("fine", data={"traceback": "of something caught"})
    assert findings(cells(("p", "old", check)), NUMBERS).tracebacks == ()


def test_recipes_are_told_apart_step_by_step() -> None:
    result = findings(
        [make_cell(OLD, "espnet-s3prl", checks=make_findings("espnet-s3prl", 2)), make_cell(NEW, "p")], NUMBERS
    )
    assert result.recipe is not None
    assert [(line.head.text, *(entry.text for entry in line.entries)) for line in result.recipe.lines] == [
        ("1", "espnet-s3prl", "asr-train", "✓ one epoch in 48.2 s, valid loss 31.4"),
        ("1", "espnet-s3prl", "asr-inference", "✗ No module named 'tensorboard'"),
    ]
    assert result.recipe.lines[1].entries[2].target is not None
    assert "recipe" not in [stage.title for stage in result.stages]


def test_paths_stand_in_the_tables_order() -> None:
    results = make_wide_results()
    result = findings(results.cells, {environment.id: 1 for environment in results.environments})
    columns = [column.text for column in result.stages[0].grid.columns]
    assert columns[:3] == ["transformers", "s3prl-hf", "s3prl-converted"]
    assert columns[-2:] == ["espnet-fairseq", "torchaudio-fairseq"]
    assert (
        result.summary
        == "391 checks beyond the ladder, none of which changes an outcome: 93 failed, 255 passed, 43 skipped."
    )
