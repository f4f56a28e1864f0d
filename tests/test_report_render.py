"""Markdown and HTML: the same content, escaped, and the same bytes every time."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from factories import (
    PREPROCESSOR,
    make_cell,
    make_check,
    make_core_results,
    make_environment,
    make_evidence,
    make_results,
)
from markdown_it import MarkdownIt

from asrcompat.model import CheckOutcome, Outcome, Results, Stage
from asrcompat.report import render
from asrcompat.report.check import verify

EVIL = (
    "<script>alert(1)</script><img src=x onerror=y> | `a``b` \n```\n</details>"
    "\x1b[31m\x00\u202e[x](javascript:y) \ud800 {{ 7*7 }}"
)


class Page(HTMLParser):
    """Collects tags and anchors, and checks that what opens is closed."""

    VOID = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember the tag."""
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Hold it against the tag that is open."""
        assert self.open.pop() == tag


def hostile() -> Results:
    """Make results in which every text that could come from a package is hostile."""
    environment = make_environment(
        EVIL,
        packages={"torch": EVIL, EVIL: EVIL},
        reason=EVIL,
        declared_reason=EVIL,
        pins=(EVIL,),
        build={EVIL: [EVIL]},
        lock=EVIL,
    )
    check = make_check(
        Stage.LOAD, CheckOutcome.FAILED, id=EVIL, message=EVIL, data={"traceback": EVIL, "causes": [EVIL, EVIL]}
    )
    finding = make_check(Stage.LOAD, CheckOutcome.FAILED, id=EVIL, message=EVIL, required=False)
    evidence = make_evidence(environment, versions={EVIL: EVIL}, started=EVIL)
    texts: dict[str, Any] = {"exception": EVIL, "message": EVIL, "cause": EVIL, "signature": EVIL, "remedy": EVIL}
    cell = make_cell(environment, EVIL, Outcome.BROKEN, **texts, checks=(check, finding), evidence=evidence)
    entry = {
        "environment": EVIL,
        "path": EVIL,
        "device": EVIL,
        "expected": EVIL,
        "found": {"outcome": EVIL},
        "reason": EVIL,
    }
    return make_results(
        [cell],
        [environment],
        host={EVIL: EVIL, "cpu": EVIL},
        harness={"commit": EVIL},
        missing=(EVIL,),
        expectations={"regressions": [entry, EVIL]},
        weights_comparison={EVIL: EVIL},
    )


@pytest.mark.parametrize("write", [render.markdown, render.html])
def test_the_same_results_give_the_same_bytes(write: object) -> None:
    assert callable(write)
    assert write(make_core_results()) == write(make_core_results())


@pytest.mark.parametrize("write", [render.markdown, render.html])
def test_content(write: object) -> None:
    assert callable(write)
    text = write(make_core_results())
    ordered = [
        "Worse than expected",
        "Better than expected",
        "Not finished",
        "The table",
        "Failures",
        "Environments",
        "Host",
    ]
    places = [text.index(heading) for heading in ordered]
    assert places == sorted(places)
    for part in (
        "works (train)",
        "broken at load",
        "unstable 13/20",
        "error at load",
        "cuda: unavailable on this host (torch sees no CUDA device)",
        "the repository has no preprocessor_config.json",
        "espnet-s3prl 2026.5.14",
        "padding in a batch moves the features by 1.3",
        "sm_50, sm_90",
        "declared ok, but s3prl-hf broken at load",
    ):
        assert part in text, part
    # A failure's message is told in full once, and its second cell does not repeat the traceback.
    assert text.count("<summary>Traceback</summary>") == 4


def test_markdown_shows_a_row_per_environment_and_a_column_per_path() -> None:
    lines = render.markdown(make_core_results()).splitlines()
    at = lines.index(next(line for line in lines if line.startswith("| # |")))
    table = lines[at : at + 8]
    assert {line.count("|") for line in table} == {12}
    assert "| 0.4.14 | 202402 | 4.41.2 | ✓ works (train) | [✗ broken at load](#failure-1) |" in table[2]
    assert not lines[at + 8].startswith("|")


def test_markdown_links_lead_somewhere() -> None:
    text = render.markdown(make_core_results())
    targets = set(re.findall(r"\]\(#([\w-]+)\)", text))
    assert targets
    assert targets <= set(re.findall(r'<a id="([\w-]+)"></a>', text))


def test_markdown_gives_the_command_of_a_failed_cell() -> None:
    text = render.markdown(make_core_results())
    assert 'nox -s "py310-torch2.3.1-s3prl0.4.14" -- --weights synthetic-base --paths s3prl-hf --devices cpu' in text


def test_markdown_without_details_is_the_table_alone() -> None:
    text = render.markdown(make_core_results(), details=False)
    assert "](#" not in text
    assert "Traceback" not in text
    assert "✗ broken at load" in text
    assert "Worse than expected" in text


def test_hostile_text_adds_no_html_to_markdown() -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(render.markdown(hostile()))
    blocks = [token.content for token in tokens if token.type == "html_block"]
    inline = [child for token in tokens for child in token.children or ()]
    for content in blocks:
        assert set(re.findall(r"</?(\w+)", content)) <= {"a", "details", "summary"}
    assert {child.content for child in inline if child.type == "html_inline"} <= {"</a>"} | {
        child.content for child in inline if re.fullmatch(r'<a id="[\w-]+">', child.content)
    }
    links = [str(child.attrs["href"]) for child in inline if child.type == "link_open"]
    assert links
    assert all(link.startswith(("#", "%3C")) for link in links), links


def test_hostile_text_is_escaped_in_html() -> None:
    text = render.html(hostile())
    page = Page(text)
    assert page.open == []
    assert not {"script", "img"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
    links = [value for name, value in page.attributes if name == "href"]
    assert links
    assert all(value and value.startswith(("#", "%3C")) for value in links), links
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800]", text)


def test_html_is_well_formed_and_its_links_lead_somewhere() -> None:
    page = Page(render.html(make_core_results()))
    assert page.open == []
    identities = [value for name, value in page.attributes if name == "id"]
    assert len(identities) == len(set(identities))
    targets = {value[1:] for name, value in page.attributes if name == "href" and value and value.startswith("#")}
    assert targets
    assert targets <= set(identities)


def test_the_policy_admits_the_style_sheet_and_nothing_else() -> None:
    text = render.html(make_results())
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text


@pytest.mark.parametrize("stage", [Stage.RESOLVE, Stage.INSTALL])
@pytest.mark.parametrize("form", [{}, {"exception": None, "checks": ()}])
def test_a_failed_builds_text_is_folded(stage: Stage, form: dict[str, Any]) -> None:
    said = "No solution found:\n" + "\n".join(f"  because package{number} needs more" for number in range(100))
    results = make_results([make_cell(outcome=Outcome.BROKEN, failed=stage, message=said, **form)])
    verify(results)
    for text in (render.markdown(results), render.html(results)):
        folded = text.index("<summary>Full text</summary>")
        assert "No solution found: because package0" in text[:folded]
        assert text.count("package99 needs more\n") + text.count("package99 needs more<") == 1
        assert text.index("package99") > folded


def test_a_line_from_a_build_needs_no_folding() -> None:
    cell = make_cell(outcome=Outcome.BROKEN, failed=Stage.INSTALL, message="no wheel and no compiler")
    assert "Full text" not in render.html(make_results([cell]))


@pytest.mark.parametrize("write", [render.markdown, render.html])
def test_an_environments_run_is_told(write: object) -> None:
    assert callable(write)
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
    for text in (render.markdown(make_results([cell])), render.html(make_results([cell]))):
        assert "broken at install" in text
        assert "no wheel and no compiler" in text
        assert "Exception:" not in text
        assert PREPROCESSOR not in text


def test_results_of_nothing_can_be_told() -> None:
    empty = make_results([], [], missing=("py310-never",), host={})
    for text in (render.markdown(empty), render.html(empty)):
        assert "py310-never" in text
