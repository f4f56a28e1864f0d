"""Markdown and HTML: the same content, escaped, and the same bytes every time."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from typing import Any

import pytest
from core_results import make_core_results
from factories import PREPROCESSOR, make_cell, make_check, make_environment, make_evidence, make_remedy, make_results
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from wide_results import make_explained_results, make_wide_results

from asrcompat.model import (
    Boundary,
    BoundaryRun,
    CheckOutcome,
    Device,
    Outcome,
    Remedy,
    RemedyCell,
    Results,
    Stage,
    Trials,
)
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


def _rules(evil: str) -> list[dict[str, Any]]:
    """A rule of each verdict, made of hostile text."""
    choice = [{"text": evil, "package": evil, "kind": evil, "version": evil, "seen_without": evil, "named": True}] * 3
    seen = {"cells": 1, "environments": [evil]}
    common: dict[str, Any] = {
        "signature": evil,
        "title": evil,
        "subjects": [{"path": evil, "device": evil}],
        "failing": seen,
        "not_failing": seen,
    }
    common |= {"alternatives": [[choice]], "counterexample_sought_in": [evil]}
    common["experiment"] = {"environment": evil, "moves": [{"kind": "pin", "value": evil}]}
    return [
        {**common, "verdict": verdict} for verdict in ("found", "undetermined", "none", "incomparable", "everywhere")
    ]


def _remedies(evil: str) -> tuple[Remedy, ...]:
    """A remedy of the cell, one that nothing came of, and one of an environment that is not there, of hostile text."""
    change = {"kind": evil, "value": evil}
    cells = tuple(
        RemedyCell(
            path=evil,
            device=device,
            before=evil,
            outcome=outcome,
            message=evil,
            trials=Trials(passed=1, of=2),
            miss=0.5,
        )
        for device in Device
        for outcome in Outcome
    )
    remedy = make_remedy(
        evil,
        evil,
        changes=(change, {**change, "kind": "file"}),
        says=evil,
        cells=cells,
        signatures=(evil,),
        needless=(change,),
        snippets=({"language": evil, "about": evil, "text": evil},),
        lock=evil,
        differences=(evil,),
    )
    return (
        remedy,
        dataclasses.replace(remedy, id="x" + evil, verified=False),
        dataclasses.replace(remedy, id="y" + evil, environment="x" + evil),
        dataclasses.replace(remedy, id="z" + evil, environment="x" + evil, verified=False),
    )


def hostile(evil: str = EVIL) -> Results:
    """Make results in which every text that could come from a package is hostile."""
    environment = make_environment(
        evil,
        packages={"torch": evil, evil: evil},
        reason=evil,
        declared_reason=evil,
        pins=(evil,),
        build={evil: [evil], "cuda": evil, "architectures": [evil], "least_driver": evil},
        lock=evil,
        host=evil,
        ran_at=evil,
        derived_from=evil,
    )
    check = make_check(
        Stage.LOAD, CheckOutcome.FAILED, id=evil, message=evil, data={"traceback": evil, "causes": [evil, evil]}
    )
    beside = [
        make_check(stage, outcome, id=evil, message=evil, required=False, data={"exception": evil, "traceback": evil})
        for stage in (Stage.LOAD, Stage.FEATURES, Stage.RECIPE)
        for outcome in CheckOutcome
    ]
    odd = {"follows": evil, "parity": evil, "tolerance": evil, "reported": [evil], "true": evil, "difference": evil}
    beside += [
        make_check(Stage.FEATURES, id=name, required=False, data=odd)
        for name in ("parity", "parity-path", "lengths", "batch-against-alone")
    ]
    evidence = make_evidence(environment, versions={evil: evil}, started=evil)
    texts: dict[str, Any] = {"exception": evil, "message": evil, "cause": evil, "signature": evil, "remedy": evil}
    cell = make_cell(environment, evil, Outcome.BROKEN, **texts, checks=(check, *beside), evidence=evidence)
    absent = make_cell(environment, evil, Outcome.UNAVAILABLE, device=Device.CUDA, message=evil)
    entry = {
        "environment": evil,
        "path": evil,
        "device": evil,
        "expected": evil,
        "found": {"outcome": evil},
        "reason": evil,
    }
    source = {"title": evil, "url": evil}
    sources = [source, {**source, "url": "https://example.org/"}, {**source, "url": "javascript:alert(1)"}]
    seen = {"part": 0, "supports": True, "path": evil, "device": "cpu", "stage": evil, "check": evil, "message": evil}
    seen["outcome"] = evil
    left_out = [
        {"part": 0, "environment": one, "path": path, "device": evil, "why": f"{number}{evil}"}
        for number, one in enumerate((evil, "x" + evil))
        for path in (evil, "y" + evil)
    ]
    evidence_of_claim = [
        {**seen, "environment": evil},
        {**seen, "environment": "x" + evil},
        {**seen, "supports": False},
    ]
    place = {"environment": evil, "path": evil, "device": evil, "check": evil}
    versions = {evil: {"failing": [evil], "not_failing": [evil]}}
    met: dict[str, Any] = dict.fromkeys(("id", "title", "cause", "status"), evil)
    met |= {"source": [evil], "cures": [{"kind": evil, "value": evil, "says": evil}]}
    seen_with = {"subjects": [place], "versions": versions}
    affected = [{**seen_with, "environments": {"failing": [evil], "not_failing": [evil]}}, seen_with]
    met |= {"cells": [place], "findings": [place], "affected": affected}
    group: dict[str, Any] = {"innermost": {"exception": evil, "message": evil}, "package": evil, "cells": [place]}
    group |= {"findings": [place], "affected": affected, "entry": evil}
    verdicts = {evil: "confirmed", "x" + evil: evil}
    part = {"says": evil, "verdict": evil, "needs": evil, "cites": sources, "environments": verdicts}
    claim: dict[str, Any] = {
        "id": evil,
        "statement": evil,
        "sources": sources,
        "verdict": evil,
        "tested": evil,
        "of": evil,
    }
    claim |= {"environments": verdicts, "parts": [part, {**part, "verdict": "not testable here"}, evil]}
    shared = [{**one, "part": number} for number in range(4) for one in left_out]
    many = {**claim, "parts": [part] * 4, "left_out": shared}
    runs = tuple(
        BoundaryRun(release=evil, attempt=0, answer=said, told=evil, environment=evil, outcome=Outcome.BROKEN)
        for said in ("good", "bad")
    )
    boundary = Boundary(
        environment=evil,
        axis=evil,
        path=evil,
        device=Device.CPU,
        stage=None,
        direction="newer",
        verdict="gap",
        last_good=evil,
        first_bad=evil,
        gap=(evil,),
        skipped={evil: evil},
        runs=runs,
        along=(evil,),
        differs={evil: (evil, evil)},
        miss=0.5,
        found_at=evil,
    )
    return make_results(
        [cell, absent],
        [environment],
        boundaries=(boundary, dataclasses.replace(boundary, direction="older", verdict="no change")),
        claims=({**claim, "evidence": evidence_of_claim, "left_out": left_out}, many, {}),
        remedies=_remedies(evil),
        signatures=(met, {**met, "cells": []}),
        unrecognised=(group,),
        rules=tuple(_rules(evil)),
        host={evil: evil, "cpu": evil},
        harness={"commit": evil},
        missing=(evil,),
        expectations={"regressions": [entry, evil]},
        weights_comparison={evil: evil},
    )


FORMS = [render.markdown, render.html]


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
        "Failures",
        "Environments",
        "Host",
    ]
    body = text[max(0, text.find("<main>")) :]
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
    assert "No check was made that decides nothing." in pages["findings.md"]


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
    assert "OSError, broken at load: the repository has no preprocessor_config.json" in text


def assure_safe_markdown(text: str) -> None:
    """Make sure that Markdown has no HTML but ours and no link but into the report."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    for content in [token.content for token in tokens if token.type == "html_block"]:
        assert set(re.findall(r"</?(\w+)", content)) <= {"a", "details", "summary"}
    ours = re.compile(r'</a>|<a id="[\w-]+">')
    assert [
        child.content for child in inline if child.type == "html_inline" and not ours.fullmatch(child.content)
    ] == []
    assert not [child for child in inline if child.type == "image"]
    assure_safe_links([str(child.attrs["href"]) for child in inline if child.type == "link_open"])


def assure_safe_links(links: Sequence[str | None]) -> None:
    """Make sure that no link names a scheme or a host, but for the one that is a web address."""
    assert links
    for link in links:
        assert link is not None
        assert link == "https://example.org/" or (":" not in link and not link.startswith("/")), link


def assure_safe_html(text: str) -> None:
    """Make sure that HTML is well formed, and has neither scripts nor handlers."""
    page = Page(text)
    assert page.open == []
    assert not {"script", "img", "iframe"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
    assure_safe_links([value for name, value in page.attributes if name == "href"])
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800]", text)


def test_hostile_text_is_in_every_section() -> None:
    text = render.html(hostile("evil"))
    named = re.findall(r'<a href="#(\w+)">', text[text.index("<nav") : text.index("</nav>")])
    assert len(named) == 12
    for name in named:
        section = text[text.index(f'<section id="{name}">') :].split("</section>")[0]
        assert "evil" in section, name
    for told in ("Tried, and no remedy", "with evil evil and", "not counted</span></strong> in parts 1–4"):
        assert told in text, told


def test_hostile_text_adds_nothing_to_any_form() -> None:
    assure_safe_markdown(render.markdown(hostile()))
    assure_safe_html(render.html(hostile()))
    for page in render.markdown_pages(hostile()).values():
        assure_safe_markdown(page)


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters() | st.sampled_from("`|\\<>&*_~[]()!#\r\n \x1b-+=:1./\"'")))
def test_no_text_adds_anything_to_any_form(text: str) -> None:
    assure_safe_markdown(render.markdown(hostile(text)))
    assure_safe_html(render.html(hostile(text)))


def test_html_is_well_formed_and_its_links_lead_somewhere() -> None:
    page = Page(render.html(make_explained_results()))
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
    for text in (render.markdown(make_results([cell])), render.html(make_results([cell]))):
        assert "broken at install" in text
        assert "no wheel and no compiler" in text
        assert "Exception:" not in text
        assert PREPROCESSOR not in text


def test_results_of_nothing_can_be_told() -> None:
    empty = make_results([], [], missing=("py310-never",), host={})
    for text in (render.markdown(empty), render.html(empty)):
        assert "py310-never" in text
