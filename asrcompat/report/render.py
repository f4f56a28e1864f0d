"""The report as Markdown and as HTML, from the templates in ``templates/``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asrcompat.report.pages import INDEX
from asrcompat.report.site import site
from asrcompat.report.templating import markdown_environment, prepared, render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asrcompat.model import Results


PAGES = {
    "main": "compatibility.md",
    "findings": "findings.md",
    "claims": "claims.md",
    "signatures": "signatures.md",
    "coverage": "coverage.md",
}


def markdown_pages(results: Results) -> dict[str, str]:
    """Render the report as Markdown files by name, which link to one another."""
    common = prepared(results)
    pages = {}
    for page, name in _pages(results).items():
        others = {other: "" if other == page else file for other, file in _pages(results).items()}
        pages[name] = _markdown(f"{name}.jinja", common, pages=others)
    return pages


def markdown(results: Results, *, details: bool = True) -> str:
    """Render the report as one text; without `details` it is the main page alone, and what its tables need."""
    common = prepared(results)
    known = _pages(results)
    names = known.values() if details else (known["main"],)
    here = dict.fromkeys(known, "")
    return "\n".join(_markdown(f"{name}.jinja", common, pages=here, details=details) for name in names)


def _pages(results: Results) -> dict[str, str]:
    """The pages there are something for."""
    return {page: name for page, name in PAGES.items() if page != "coverage" or results.coverage}


def html(results: Results, locks: Mapping[str, str] | None = None) -> str:
    """Render ``index.html`` alone, the page with the table; `site` renders all."""
    return site(results, locks=locks)[INDEX]


def _markdown(
    template: str,
    common: dict[str, Any],
    *,
    pages: Mapping[str, str],
    details: bool = True,
) -> str:
    # Without details there is nothing that links could lead to.
    options = {"pages": pages, "details": details, "links": details}
    return render(markdown_environment(), template, common, **options)
