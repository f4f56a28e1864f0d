"""The badge, the terminal's table and the job summary."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from factories import PATHS, make_cell, make_core_results, make_environment, make_results
from rich.console import Console

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
        ({"expectations": {"exit_code": 0}}, "3 of 3 cells work", "brightgreen"),
        ({}, "3 of 3 cells work", "blue"),
        ({"expectations": {"exit_code": 1, "regressions": [{}]}}, "3 of 3 cells work, 1 regression", "red"),
        ({"expectations": {"exit_code": 3}}, "3 of 3 cells work, unfinished", "orange"),
        ({"missing": ("x",), "expectations": {"exit_code": 0}}, "3 of 3 cells work, unfinished", "orange"),
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
    assert json.loads(badge(make_results(cells)))["message"] == "1 of 3 cells work"


def test_the_terminal_shows_the_whole_table() -> None:
    text = shown(make_core_results())
    for part in (
        "torchaudio",
        "✓ works (train)",
        "✗ broken at load",
        "[regression]",
        "~ unstable 13/20",
        "! error at load",
    ):
        assert part in text, part
    assert "5. s3prl-hf, espnet-s3prl: AttributeError: module 'torchaudio' has no attribute 'set_audio_backend'" in text
    assert "cuda: unavailable on this host (torch sees no CUDA device)" in text
    lost = "py312-torch2.11.0-s3prl0.4.18, s3prl-hf, cpu: expected works (train), found broken at import"
    assert f"Worse than expected:\n  {lost}" in text


def test_a_narrow_terminal_breaks_no_version() -> None:
    text = shown(make_core_results(), width=80)
    assert max(len(line) for line in text.splitlines() if line.startswith(("│", "┃"))) <= 80
    for version in ("torch 2.3.1 (cu121)", "torchaudio 2.11.0", "transformers 4.41.2"):
        assert version in text


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


def test_the_summary_is_the_whole_report_where_that_fits() -> None:
    assert "<summary>Traceback</summary>" in job_summary(make_core_results())


def test_the_summary_drops_tracebacks_then_details_then_lines() -> None:
    environments = [make_environment(f"e{number}") for number in range(30)]
    cells = [
        make_cell(environment, path, Outcome.BROKEN, message=f"no module {environment.id}-{path}-" + "x" * 50)
        for environment in environments
        for path in PATHS
    ]
    results = make_results(cells, environments)
    full = len(job_summary(results).encode())
    texts = {limit: job_summary(results, limit=limit) for limit in (full, full - 1, 20_000, 3_000)}
    assert all(len(text.encode()) <= limit for limit, text in texts.items())
    # Cut by whole lines: nothing but the last is a line that the table alone has not.
    whole = markdown(results, details=False).splitlines()
    assert texts[3_000].splitlines()[:-2] == whole[: len(texts[3_000].splitlines()) - 2]
    assert "Traceback" not in texts[full - 1]
    assert "## Failures" in texts[full - 1]
    assert "## Failures" not in texts[20_000]
    assert texts[3_000].endswith("`compatibility.md` has it.\n")


def test_the_default_limit_is_below_what_is_refused() -> None:
    environments = [make_environment(f"e{number}", reason="r" * 3_000) for number in range(350)]
    text = job_summary(make_results([make_cell(environment) for environment in environments], environments))
    assert len(text.encode()) < 1024 * 1024
