"""Markdown and HTML from the templates in ``templates/``.

Escaping is the default and not a habit: whatever a template prints that is not already `Markup`
goes through `sanitize`, in both languages, so that a forgotten filter shows too many escapes and
never lets a package write the report.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from asrcompat.report import ladder, sanitize, words
from asrcompat.report.page_data import page_data
from asrcompat.report.view import commands, view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    prepared = _prepared(results)
    pages = {}
    for page, name in _pages(results).items():
        others = {other: "" if other == page else file for other, file in _pages(results).items()}
        pages[name] = _markdown(f"{name}.jinja", prepared, pages=others)
    return pages


def markdown(results: Results, *, details: bool = True) -> str:
    """Render the report as one text; without `details` it is the main page alone, and what its tables need."""
    prepared = _prepared(results)
    known = _pages(results)
    names = known.values() if details else (known["main"],)
    here = dict.fromkeys(known, "")
    return "\n".join(_markdown(f"{name}.jinja", prepared, pages=here, details=details) for name in names)


def _pages(results: Results) -> dict[str, str]:
    """The pages there are something for."""
    return {page: name for page, name in PAGES.items() if page != "coverage" or results.coverage}


def html(results: Results, locks: Mapping[str, str] | None = None) -> str:
    """Render ``index.html``: one static page, whose script makes its table searchable and is not needed to read it.

    `locks` are the texts of the locks by their names: by them it tells how much of what a person has would change.
    """
    prepared = _prepared(results)
    style, script = _template("style.css"), "".join(_template(f"page/{name}.js") for name in _SCRIPTS)
    return _render(
        _html_environment(),
        "index.html.jinja",
        prepared,
        style=Markup(style),  # noqa: S704 - our own style sheet
        style_hash=_digest(style),
        script=Markup(script),  # noqa: S704 - our own script
        script_hash=_digest(script),
        data=page_data(results, prepared["view"], prepared["reproduce"], locks or {}),
    )


# In this order: each uses what those before it define.
_SCRIPTS = (
    *("state", "copy", "table", "group", "compare", "story"),
    *("pep440", "requirements", "have", "ask", "start"),
)


def _template(name: str) -> str:
    return files("asrcompat.report").joinpath("templates", *name.split("/")).read_text(encoding="utf-8")


def _digest(text: str) -> Markup:
    """By what the page's policy admits a text of ours, and no other."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(f"sha256-{digest}")  # noqa: S704 - base64, whose `+` and `=` must stay


def _markdown(
    template: str,
    prepared: dict[str, Any],
    *,
    pages: Mapping[str, str],
    details: bool = True,
) -> str:
    # Without details there is nothing that links could lead to.
    options = {"pages": pages, "details": details, "links": details}
    return _render(_markdown_environment(), template, prepared, **options)


@cache
def _html_environment() -> Environment:
    return _environment(sanitize.printable)


@cache
def _markdown_environment() -> Environment:
    jinja = _environment(lambda text: Markup(sanitize.markdown(text)))  # noqa: S704 - this is the escaping itself
    jinja.filters["tight"] = _tight
    jinja.filters["block"] = lambda text: Markup(sanitize.markdown_block(str(text)))  # noqa: S704 - as above
    return jinja


def _tight(text: object) -> Markup:
    """Keep a short text in a narrow column on one line, where its blanks would let it break.

    Its hyphens still do: what would hold them together is copied along with a figure, and then it is none.
    """
    escaped = sanitize.markdown(str(text)).replace(" ", "&nbsp;")
    return Markup(escaped)  # noqa: S704 - escaped a line above


def _environment(escape: Callable[[str], str]) -> Environment:
    jinja = Environment(
        loader=PackageLoader("asrcompat.report"),
        # Escapes HTML in HTML. In Markdown it leaves alone what `escape` has made `Markup`, which is everything.
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else escape(str(value)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.globals.update(
        words=words,
        rungs=ladder.rungs,
        line=sanitize.one_line,
    )
    # A link stays inside the report's folder: quoted, no text can name a scheme or a host.
    jinja.filters["relative"] = lambda text: quote(sanitize.one_line(str(text)), safe="/").lstrip("/")
    # A link to the web is made of what cannot be anything but an address, and is nothing else's business.
    jinja.filters["web"] = lambda text: Markup(sanitize.web_address(str(text)))  # noqa: S704 - no markup can be in it
    return jinja


def _prepared(results: Results) -> dict[str, Any]:
    return {"view": view(results), "reproduce": commands(results)}


def _render(jinja: Environment, template: str, prepared: Mapping[str, Any], **options: Any) -> str:
    return jinja.get_template(template).render(**prepared, **options)
