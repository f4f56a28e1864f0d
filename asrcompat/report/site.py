"""The pages of the report as HTML: which there are for these results, and what each is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from markupsafe import Markup

from asrcompat.explain.since import History
from asrcompat.model import Results
from asrcompat.report import pages
from asrcompat.report.causes import Causes, causes
from asrcompat.report.made import FILES, made
from asrcompat.report.page_data import page_data
from asrcompat.report.pages import Addresses
from asrcompat.report.pairs import picture
from asrcompat.report.releases import package_lines
from asrcompat.report.templating import digest, html_environment, prepared, render, text_of
from asrcompat.report.view import View
from asrcompat.report.when import when

# In this order: each uses what those before it define.
_OF_THE_TABLE = (
    *("state", "copy", "table", "group", "compare", "story"),
    *("pep440", "requirements", "have", "ask", "start"),
)
_OF_TEXTS = ("state", "copy", "paste")


@dataclass(frozen=True, kw_only=True)
class _Page:
    """A file, its template, and what that is given; `own` are anchors told here as well as on another page."""

    file: str
    template: str
    given: Mapping[str, Any] = field(default_factory=dict)
    scripts: tuple[str, ...] = ()
    own: tuple[str, ...] = ()


def site(
    results: Results,
    history: History | None = None,
    beside: Mapping[str, str] | None = None,
    locks: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Render every page by its file's name; the same results, history, neighbours and locks give the same bytes.

    `beside` are the addresses of other profiles' reports that are published with this one, by profile; `locks` the
    texts of the locks by their names, without which the page tells less of what a person has.
    """
    common = prepared(results)
    view = common["view"]
    found = causes(results, view)
    there = tuple(_pages(results, view, found, history or History()))
    files = {one.file for one in there}
    rendered = {}
    for page in there:
        given = {
            **_frame(page.scripts),
            "navigation": pages.navigation(files, page.file),
            "reports": pages.reports(results.profile, beside or {}),
            "href": Addresses(page=page.file, files=found.files, own=page.own),
            "data": Markup("{}"),
            **page.given,
        }
        if page.file == pages.INDEX:
            given["data"] = page_data(results, view, common["reproduce"], given["href"], locks or {})
        rendered[page.file] = render(html_environment(), f"{page.template}.html.jinja", common, **given)
    return rendered


def _pages(results: Results, view: View, found: Causes, history: History) -> Iterator[_Page]:
    """Those there is something for, the table first."""
    yield _Page(file=pages.INDEX, template="index", scripts=_OF_THE_TABLE)
    if found.recognised or found.shared:
        yield _Page(file=pages.CAUSES, template="causes", given={"causes": found})
    for cause in found.recognised:
        yield _Page(file=cause.file, template="cause", given={"cause": cause}, scripts=_OF_TEXTS, own=cause.anchors)
    if found.shared:
        anchors = tuple(anchor for cause in found.unrecognised for anchor in cause.anchors)
        own = (*anchors, *(one.anchor for one in found.verified))
        yield _Page(
            file=pages.UNRECOGNISED, template="unrecognised", given={"causes": found}, scripts=_OF_TEXTS, own=own
        )
    if view.claims.claims:
        yield _Page(file=pages.CLAIMS, template="claims")
    numbers = {one.row.environment.id: one.row.number for one in view.environments}
    if (lines := package_lines(results, numbers)) or view.boundaries:
        yield _Page(file=pages.BOUNDARIES, template="boundaries", given={"lines": lines})
    if view.lies or view.bounds:
        yield _Page(file=pages.METADATA, template="metadata", scripts=_OF_TEXTS if view.bounds else ())
    if view.coverage:
        yield _Page(file=pages.COVERAGE, template="coverage", given={"drawn": picture(view.coverage)})
    if view.findings.summary or view.parity:
        yield _Page(file=pages.FINDINGS, template="findings")
    told = when(results, history, [one.row for one in view.environments], view.targets)
    if told.changed or told.since or view.dated:
        yield _Page(file=pages.HISTORY, template="history", given={"when": told})
    yield _Page(
        file=pages.MADE, template="made", given={"made": made(results, view.example), "files": FILES}, scripts=_OF_TEXTS
    )


@cache
def _frame(scripts: tuple[str, ...]) -> dict[str, Markup]:
    """The texts of ours that a page has, each with what the page's policy admits it by."""
    style, script = text_of("style.css"), "".join(text_of(f"page/{name}.js") for name in scripts)
    return {
        "mark": Markup(pages.MARK),  # noqa: S704 - ours, as are the two below
        "style": Markup(style),  # noqa: S704
        "style_hash": digest(style),
        "script": Markup(script),  # noqa: S704
        "script_hash": digest(script),
    }
