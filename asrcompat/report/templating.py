"""The templates in ``templates/``, with what all of them may use.

Escaping is the default and not a habit: whatever a template prints that is not already `Markup`
goes through `sanitize`, in both languages, so that a forgotten filter shows too many escapes and
never lets a package write the report.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from markupsafe import escape as escape_html

from asrcompat.report import ladder, sanitize, words
from asrcompat.report.compiled import Compiled
from asrcompat.report.view import commands, view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from asrcompat.model import Results


def text_of(name: str) -> str:
    """A file beside the templates."""
    return files("asrcompat.report").joinpath("templates", *name.split("/")).read_text(encoding="utf-8")


def digest(text: str) -> Markup:
    """By what a page's policy admits a text of ours, and no other."""
    hashed = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(f"sha256-{hashed}")  # noqa: S704 - base64, whose `+` and `=` must stay


@cache
def html_environment() -> Environment:
    """What makes HTML."""
    return _environment("html", sanitize.printable)


@cache
def markdown_environment() -> Environment:
    """What makes Markdown."""
    jinja = _environment("markdown", lambda text: Markup(sanitize.markdown(text)))  # noqa: S704 - the escaping itself
    jinja.filters["tight"] = _tight
    jinja.filters["block"] = lambda text: Markup(sanitize.markdown_block(str(text)))  # noqa: S704 - as above
    return jinja


def _tight(text: object) -> Markup:
    """Keep a short text in a narrow column on one line, where its blanks would let it break.

    Its hyphens still do: what would hold them together is copied along with a figure, and then it is none.
    """
    escaped = sanitize.markdown(str(text)).replace(" ", "&nbsp;")
    return Markup(escaped)  # noqa: S704 - escaped a line above


def _code(text: object) -> Markup:
    """A text of ours in which `this` is code, as in Markdown."""
    escaped = escape_html(sanitize.printable(str(text)))
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escaped)))  # noqa: S704 - escaped a line above


def _environment(name: str, escape: Callable[[str], str]) -> Environment:
    jinja = Environment(
        loader=PackageLoader("asrcompat.report"),
        # Escapes HTML in HTML. In Markdown it leaves alone what `escape` has made `Markup`, which is everything.
        autoescape=True,
        finalize=lambda value: value if isinstance(value, Markup) else escape(str(value)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=Compiled(name),
    )
    jinja.globals.update(
        words=words,
        rungs=ladder.rungs,
        line=sanitize.one_line,
    )
    # A name as the head of a narrow column: cut where its parts meet, and never inside a word.
    jinja.filters["broken"] = lambda text: escape_html(sanitize.printable(str(text))).replace("@", Markup("@<wbr>"))
    # What stands between backticks is code; escaped first, so that it is nothing else.
    jinja.filters["code"] = _code
    # A link stays inside the report's folder: quoted, no text can name a scheme or a host.
    jinja.filters["relative"] = lambda text: quote(sanitize.one_line(str(text)), safe="/").lstrip("/")
    # A link to the web is made of what cannot be anything but an address, and is nothing else's business.
    jinja.filters["web"] = lambda text: Markup(sanitize.web_address(str(text)))  # noqa: S704 - no markup can be in it
    return jinja


def prepared(results: Results) -> dict[str, Any]:
    """What every template is given."""
    return {"view": view(results), "reproduce": commands(results)}


def render(jinja: Environment, template: str, given: Mapping[str, Any], **options: Any) -> str:
    """Fill a template in."""
    return jinja.get_template(template).render(**given, **options)
