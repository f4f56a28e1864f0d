"""The badge, the terminal's table and the job summary."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from core_results import make_core_results
from factories import make_cell, make_environment, make_results
from rich.console import Console
from wide_results import make_wide_results

from asrcompat.model import Outcome, Results
from asrcompat.report.badge import badge
from asrcompat.report.render import markdown
from asrcompat.report.summary import job_summary
from asrcompat.report.terminal import render_table


def shown(results: Results, width: int = 200, *, color: bool = False) -> str:
    """Give what the terminal gets."""
    console = Console(file=io.StringIO(), width=width, force_terminal=color, color_system="standard" if color else None)
    render_table(results, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("changes", "message", "color"),
    [
        ({"expectations": {"exit_code": 0}}, "3 of 3 offered paths work", "brightgreen"),
        ({}, "3 of 3 offered paths work", "blue"),
        ({"expectations": {"exit_code": 1, "regressions": [{}]}}, "3 of 3 offered paths work, 1 regression", "red"),
        ({"expectations": {"exit_code": 3}}, "3 of 3 offered paths work, unfinished", "orange"),
        ({"missing": ("x",), "expectations": {"exit_code": 0}}, "3 of 3 offered paths work, unfinished", "orange"),
    ],
)
def test_badge(changes: dict[str, Any], message: str, color: str) -> None:
    assert json.loads(badge(make_results(**changes))) == {
        "schemaVersion": 1,
        "label": "CLSRIL-23",
        "message": message,
        "color": color,
    }


def test_the_badge_counts_only_what_ran() -> None:
    cells = [make_cell(path=str(outcome), outcome=outcome) for outcome in Outcome]
    assert json.loads(badge(make_results(cells)))["message"] == "1 of 3 offered paths work"


def test_the_terminal_shows_the_whole_table() -> None:
    text = shown(make_core_results())
    for part in (
        "torchaudio",
        "✓ works",
        "✗ load",
        "[regression]",
        "~ 13/20",
        "! error",
    ):
        assert part in text, part
    raised = "AttributeError: module 'torchaudio' has no attribute 'set_audio_backend', broken at import"
    assert f"4. s3prl-hf, espnet-s3prl in 5: {raised}" in text
    assert "cuda: unavailable on this host (torch sees no CUDA device)" in text
    lost = "py312-torch2.11.0-s3prl0.4.18, s3prl-hf, cpu: expected works (train), found broken at import"
    assert f"Worse than expected:\n  {lost}" in text


@pytest.mark.parametrize(("width", "tables"), [(80, 4), (150, 2), (250, 1)])
def test_a_terminal_of_any_width_breaks_no_version(width: int, tables: int) -> None:
    text = shown(make_wide_results(), width=width)
    assert max(len(line) for line in text.splitlines() if line.startswith(("│", "┃"))) <= width
    assert text.count("┏") == tables
    for version in ("2.3.1 (cu121)", "2026.5.14", "4.41.2"):
        assert version in text


def test_the_terminal_cuts_nothing_off() -> None:
    environment = make_environment(pins=("requirement-name>=2.1.1",))
    text = shown(make_results([make_cell(environment)], [environment]), width=40)
    assert "…" not in text
    assert ">=2.1.1" in text


def test_the_terminal_says_that_there_is_more() -> None:
    text = shown(make_wide_results())
    assert "391 checks beyond the ladder, none of which changes an outcome: 93 failed, 255 passed, 43 skipped." in text
    assert "3 claims: 1 confirmed, 1 partly, 1 not testable here." in text
    assert "Not in the baseline: 87 cells, see the report" in text


def test_colours_are_used_only_where_there_are_any() -> None:
    assert "\x1b[32m✓ works" in shown(make_core_results(), color=True)
    assert "\x1b" not in shown(make_core_results())


def test_hostile_text_moves_nothing_in_the_terminal() -> None:
    evil = "\x1b[2J\x1b]0;owned\x07[bold]x[/bold] [/nonsense]\r\u202e\x9b31m :smile: 3.14"
    environment = make_environment(evil, packages={"torch": evil})
    results = make_results(
        [make_cell(environment, evil, Outcome.BROKEN, message=evil)],
        [environment],
        missing=(evil,),
        expectations={"news": [evil]},
    )
    text = shown(results)
    assert not {"\x1b", "\x07", "\r", "\u202e", "\x9b"} & set(text)
    assert "[bold]x[/bold] [/nonsense] :smile: 3.14" in text


def test_the_summary_leaves_the_details_out() -> None:
    text = job_summary(make_core_results())
    assert text == markdown(make_core_results(), details=False)
    assert "## Why" in text
    for detail in ("Traceback", "## Failures", "## Environments", "](#"):
        assert detail not in text


def test_the_summary_drops_lines_from_its_end() -> None:
    results = make_wide_results()
    whole = markdown(results, details=False).splitlines()
    text = job_summary(results, limit=3_000)
    assert len(text.encode()) <= 3_000
    assert text.splitlines()[:-2] == whole[: len(text.splitlines()) - 2]
    assert text.endswith("`compatibility.md` has it.\n")


def test_the_default_limit_is_below_what_is_refused() -> None:
    text = job_summary(make_results(missing=tuple(f"e{number}" + "x" * 3_000 for number in range(400))))
    assert 900_000 < len(text.encode()) < 1024 * 1024
