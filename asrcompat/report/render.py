"""Markdown and HTML from the templates in ``templates/``.

Escaping is the default and not a habit: whatever a template prints that is not already `Markup`
goes through `sanitize`, in both languages, so that a forgotten filter shows too many escapes and
never lets a package write the report.
"""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from asrcompat.report import environments, ladder, sanitize, words
from asrcompat.report.view import view

if TYPE_CHECKING:
    from collections.abc import Callable

    from asrcompat.model import Results


def markdown(results: Results, *, tracebacks: bool = True, details: bool = True) -> str:
    """Render ``compatibility.md``; without `tracebacks` or all `details` where room is short."""
    jinja = _environment(lambda text: Markup(sanitize.markdown(text)))  # noqa: S704 - this is the escaping itself
    jinja.filters["block"] = lambda text: Markup(sanitize.markdown_block(str(text)))  # noqa: S704 - as above
    return _render(jinja, "compatibility.md.jinja", results, tracebacks=tracebacks, details=details)


def html(results: Results) -> str:
    """Render ``index.html``: one static page, without scripts."""
    jinja = _environment(sanitize.printable)
    style = files("asrcompat.report").joinpath("templates", "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _render(
        jinja,
        "index.html.jinja",
        results,
        style=Markup(style),  # noqa: S704 - our own style sheet
        style_hash=Markup(f"sha256-{digest}"),  # noqa: S704 - base64, whose `+` and `=` must stay
    )


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
        titles=environments.TITLES,
        path_label=environments.path_label,
        rungs=ladder.rungs,
        measured=ladder.measured,
        line=sanitize.one_line,
    )
    # A link stays inside the report's folder: quoted, no text can name a scheme or a host.
    jinja.filters["relative"] = lambda text: quote(sanitize.one_line(str(text)), safe="/").lstrip("/")
    return jinja


def _render(jinja: Environment, template: str, results: Results, **options: Any) -> str:
    reproduce = partial(environments.reproduce, weights=results.weights)
    return jinja.get_template(template).render(view=view(results), reproduce=reproduce, **options)
