"""No text that a package could have written adds anything to a form: no tag, no link, no control character."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from factories import make_results
from hostile_results import EVIL, hostile
from html_page import Page
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from asrcompat.explain.since import History
from asrcompat.model import Results
from asrcompat.report import render
from asrcompat.report.pages import TITLES
from asrcompat.report.site import site


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


OURS = Page(render.html(make_results())).scripts[1]
PASTING = Page(site(make_results())["made.html"]).scripts[1]


def pages_of(results: Results, evil: str) -> dict[str, str]:
    """All pages, with a history and a neighbour that are hostile as well."""
    history = History(cells={evil: {f"{evil} on {evil}": [("2026-11-01T00:00:00", evil), (evil, "x" + evil)]}})
    return site(results, history, {evil: "../index.html"})


def assure_safe_html(text: str) -> None:
    """Make sure that a page is well formed, and has no scripts or handlers but our own script and its data."""
    page = Page(text)
    assert page.open == []
    assert not {"img", "iframe"} & set(page.tags)
    assert page.tags.count("script") == len(page.scripts) in (0, 2)
    if page.scripts:
        data, script = page.scripts
        table = {"causes", "cells", "claims", "environments", "lines", "main", "other_s3prl", "packages", "releases"}
        assert (json.loads(data).keys(), script) in [(table, OURS), (set(), PASTING)]
        assert not set(data) & set("<>&")
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
    assure_safe_links([value for name, value in page.attributes if name == "href"])
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e\ud800]", text)


def test_hostile_text_is_on_every_page() -> None:
    pages = pages_of(hostile("evil"), "evil")
    assert {"unrecognised.html", "cause-evil.html", *TITLES} == set(pages)
    for name, text in pages.items():
        assert "evil" in text[text.index("<main ") :], name
    text = "".join(pages.values())
    for told in (
        "Requires-Dist: evil&lt;evil",
        "Tried, and no remedy",
        "with evil evil and",
        "not counted</span></strong> in parts 1–4",
    ):
        assert told in text, told


def test_hostile_text_adds_nothing_to_any_form() -> None:
    assure_safe_markdown(render.markdown(hostile()))
    for page in pages_of(hostile(), EVIL).values():
        assure_safe_html(page)
    for page in render.markdown_pages(hostile()).values():
        assure_safe_markdown(page)


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters() | st.sampled_from("`|\\<>&*_~[]()!#\r\n \x1b-+=:1./\"'")))
def test_no_text_adds_anything_to_any_form(text: str) -> None:
    assure_safe_markdown(render.markdown(hostile(text)))
    for page in pages_of(hostile(text), text).values():
        assure_safe_html(page)
