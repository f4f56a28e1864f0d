"""Text from packages, made fit for each form.

Messages and tracebacks are written by the packages under test, and are hostile until shown
otherwise: an escape sequence repaints a terminal, a pipe tears a table, a row of backticks ends a
code block, a NUL makes XML unreadable. `printable`, which progress needs too, is what all forms share; each function
here adds what one form needs on top.
"""

from __future__ import annotations

import re

from asrcompat.printable import printable

__all__ = ["markdown", "markdown_block", "one_line", "printable", "web_address", "xml"]

_BACKTICKS = re.compile("`+")
_SPACE = re.compile(r"\s+")

# Character references, because a backslash before a pipe means different things to different table parsers. An
# underscore between word characters and a tilde between spaces cannot begin emphasis and stay. An exclamation mark
# means something before a bracket only, and no bracket is left.
_MARKDOWN = re.compile(r"[&<>|\\`*\[\]#$]|(?<![^\W_])_|_(?![^\W_])|~(?=\S)|(?<=\S)~")

_WEB = re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(?:/[A-Za-z0-9._~/#?=%+,:@-]*)?")

_NAMED = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

# At the start of a line these begin a list, a heading's underline or a definition.
_MARKDOWN_START = re.compile(r"^(?:[-+=:]|\d+(?=[.)](?: |$)))")


def one_line(text: str, limit: int | None = None) -> str:
    """`printable` text on one line, cut before a word that would pass `limit` and marked with an ellipsis."""
    line = _SPACE.sub(" ", printable(text)).strip()
    if limit is None or len(line) <= limit:
        return line
    head = line[: limit - 1]
    at = head.rfind(" ")
    # A cut in the middle of a word beats losing half of the room to one long word.
    return (head[:at] if at > limit // 2 else head).rstrip() + "…"


def markdown(text: str) -> str:
    """One line that Markdown shows as it is, inside a table cell too."""
    line = _MARKDOWN.sub(_reference, one_line(text))
    return _MARKDOWN_START.sub(lambda found: _references(found[0]), line)


def markdown_block(text: str) -> str:
    """Put the text into a fenced code block, with a fence that nothing inside can close."""
    body = printable(text).strip("\n")
    longest = max((len(run) for run in _BACKTICKS.findall(body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{body}\n{fence}"


def web_address(text: str) -> str:
    """The address of a page on the web, where it is made of what every form takes as it is; else nothing."""
    return text if _WEB.fullmatch(text) else ""


def xml(text: str) -> str:
    """Text of characters that XML 1.0 allows; what writes the XML escapes the markup."""
    # `printable` removes a superset of what XML forbids.
    return printable(text)


def _reference(found: re.Match[str]) -> str:
    return _references(found[0])


def _references(characters: str) -> str:
    return "".join(_NAMED.get(character) or f"&#{ord(character)};" for character in characters)
