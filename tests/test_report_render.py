"""Markdown and HTML: the same content, escaped, and the same bytes every time."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from core_results import make_core_results
from factories import PREPROCESSOR, make_cell, make_environment, make_results
from html_page import Page, whole
from wide_results import make_explained_results, make_wide_results

from asrcompat.model import (
    Outcome,
    Results,
    Stage,
)
from asrcompat.report import render
from asrcompat.report.check import verify

FORMS = [render.markdown, whole]


@pytest.mark.parametrize("write", FORMS)
@pytest.mark.parametrize("make", [make_core_results, make_wide_results, make_explained_results])
def test_the_same_results_give_the_same_bytes(write: Callable[[Results], str], make: Callable[[], Results]) -> None:
    assert write(make()) == write(make())


@pytest.mark.parametrize("write", FORMS)
def test_content(write: Callable[[Results], str]) -> None:
    text = write(make_core_results())
    ordered = [
        "Worse than expected",
        "Better than expected",
        "Not finished",
        "The table",
        *(["Failures"] if write is render.markdown else []),
        "Environments",
        "Host",
    ]
    body = text[max(0, text.find("<main ")) :]
    places = [body.index(heading) for heading in ordered]
    assert places == sorted(places)
    for part in (
        "✓ works",
        "broken at load",
        "unstable 13/20",
        "error at load",
        "cuda: unavailable on this host (torch sees no CUDA device)",
        "the repository has no preprocessor_config.json",
        "espnet-s3prl 2026.5.14",
        "padding in a batch moves the features by 1.3",
        "sm_50, sm_90",
        "declared ok, but broken at load: s3prl-hf, espnet-s3prl",
    ):
        assert part in text, part
    # A failure's message is told in full once, and its second cell does not repeat the traceback.
    assert text.count("<summary>Traceback</summary>") == 4


def table_of(text: str) -> list[list[str]]:
    """Give the main table's lines, split at their bars."""
    lines = text[text.index("## The table") :].splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("|"))
    end = next(number for number, line in enumerate(lines[at:], start=at) if not line)
    return [[part.strip() for part in line.strip("|").split("|")] for line in lines[at:end]]


def test_markdown_shows_a_line_per_path_and_a_column_per_environment() -> None:
    table = table_of(render.markdown(make_wide_results()))
    assert {len(line) for line in table} == {9}
    assert table[0][:2] == ["", "[1](#environment-1)"]
    lines = {line[0]: line[1:] for line in table}
    assert lines["*s3prl*"][0] == "0.4.14"
    assert lines["s3prl-hf"][0] == "[✗&nbsp;load](#failure-2)"
    assert lines["espnet-fairseq"][0] == "·"
    assert len(table) == 2 + 10 + 14


def test_many_environments_make_several_tables() -> None:
    environments = [make_environment(f"e{number}") for number in range(13)]
    text = render.markdown(make_results([make_cell(one) for one in environments], environments))
    assert len(table_of(text)[0]) == 8
    assert text.count("| transformers | [✓&nbsp;works](") == 2


def test_markdown_links_lead_somewhere() -> None:
    text = render.markdown(make_explained_results())
    targets = set(re.findall(r"\]\(#([\w-]+)\)", text))
    anchors = re.findall(r'<a id="([\w-]+)"></a>', text)
    assert {"failure-1", "cell-1", "environment-8", "claim-1", "traceback-1", "signature-1"} <= targets
    assert targets - {"the-table", "claims", "signatures", "what-was-found-besides"} <= set(anchors)
    assert len(anchors) == len(set(anchors))


def test_markdown_pages_lead_to_one_another() -> None:
    pages = render.markdown_pages(make_explained_results())
    assert list(pages) == ["compatibility.md", "findings.md", "claims.md", "signatures.md"]
    anchors = {name: set(re.findall(r'<a id="([\w-]+)"></a>', text)) for name, text in pages.items()}
    for name, text in pages.items():
        links = re.findall(r"\]\(([\w.]*)(?:#([\w-]+))?\)", text)
        assert any(page not in ("", name) for page, _ in links), name
        for page, anchor in links:
            assert not anchor or anchor in anchors[page or name], (name, page, anchor)


def test_a_page_of_nothing_says_so() -> None:
    pages = render.markdown_pages(make_results())
    assert "There is no failure to tell of." in pages["signatures.md"]
    assert "No claim was judged." in pages["claims.md"]
    assert "No check was made beyond the ladder." in pages["findings.md"]


def test_markdown_gives_the_command_of_a_failed_cell() -> None:
    text = render.markdown(make_core_results())
    assert 'nox -s "py310-torch2.3.1-s3prl0.4.14" -- --weights synthetic-base --paths s3prl-hf --devices cpu' in text


def test_a_figure_can_be_copied_from_a_table() -> None:
    for page in render.markdown_pages(make_wide_results()).values():
        assert "&#8288;" not in page
        assert "\N{WORD JOINER}" not in page


def test_markdown_without_details_is_the_table_alone() -> None:
    text = render.markdown(make_core_results(), details=False)
    assert "](#" not in text
    assert "Traceback" not in text
    assert "✗&nbsp;load" in text
    assert "Worse than expected" in text
    assert ", broken at load: the repository has no preprocessor_config.json" in text


def test_html_is_well_formed_and_its_links_lead_somewhere() -> None:
    page = Page(render.html(make_explained_results()))
    assert page.open == []
    identities = [value for name, value in page.attributes if name == "id"]
    assert len(identities) == len(set(identities))
    targets = {value[1:] for name, value in page.attributes if name == "href" and value and value.startswith("#")}
    assert targets
    assert targets <= set(identities)


def test_the_policy_admits_the_style_sheet_and_the_script_and_nothing_else() -> None:
    text = render.html(make_results())
    style, script = (re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL) for tag in ("style", "script"))
    assert style
    assert script
    digests = [base64.b64encode(hashlib.sha256(one[1].encode()).digest()).decode() for one in (style, script)]
    policy = f"default-src 'none'; style-src 'sha256-{digests[0]}'; script-src 'sha256-{digests[1]}'; base-uri 'none'"
    assert policy in text


@pytest.mark.parametrize("stage", [Stage.RESOLVE, Stage.INSTALL])
@pytest.mark.parametrize("form", [{}, {"exception": None, "checks": ()}])
def test_a_failed_builds_text_is_folded(stage: Stage, form: dict[str, Any]) -> None:
    said = "No solution found:\n" + "\n".join(f"  because package{number} needs more" for number in range(100))
    results = make_results([make_cell(outcome=Outcome.BROKEN, failed=stage, message=said, **form)])
    verify(results)
    # a cell's story, which the script tells, folds it as well
    page = re.sub(r'<script type="application/json".*?</script>', "", whole(results), flags=re.DOTALL)
    for text in (render.markdown(results), page):
        folded = text.index("<summary>Full text</summary>")
        assert "No solution found: because package0" in text[:folded]
        assert text.count("package99 needs more\n") + text.count("package99 needs more<") == 1
        assert text.index("package99") > folded


def test_a_line_from_a_build_needs_no_folding() -> None:
    cell = make_cell(outcome=Outcome.BROKEN, failed=Stage.INSTALL, message="no wheel and no compiler")
    assert "Full text" not in whole(make_results([cell]))


@pytest.mark.parametrize("write", FORMS)
def test_an_environments_run_is_told(write: Callable[[Results], str]) -> None:
    text = write(make_results([], [make_environment(ran_at="2026-11-22T20:15:53+00:00", commit="e615f2b76814")]))
    assert "2026-11-22T20:15:53+00:00 by commit e615f2b76814" in text


def test_a_failed_install_is_told_without_an_exception() -> None:
    cell = make_cell(
        path="s3prl-hf",
        outcome=Outcome.BROKEN,
        failed=Stage.INSTALL,
        message="no wheel and no compiler",
        exception=None,
        checks=(),
    )
    for text in (render.markdown(make_results([cell])), whole(make_results([cell]))):
        assert "broken at install" in text
        assert "no wheel and no compiler" in text
        assert "Exception:" not in text
        assert PREPROCESSOR not in text


def test_results_of_nothing_can_be_told() -> None:
    empty = make_results([], [], missing=("py310-never",), host={})
    for text in (render.markdown(empty), render.html(empty)):
        assert "py310-never" in text
