"""Text from packages, made fit for each form.

Messages and tracebacks are written by the packages under test, and are hostile until shown
otherwise: an escape sequence repaints a terminal, a pipe tears a table, a row of backticks ends a
code block, a NUL makes XML unreadable. `printable` is what all forms share; each other function
adds what one form needs on top.
"""

from __future__ import annotations

import re

# Escape sequences are removed whole: without its ESC, "\x1b[31m" would leave "[31m" behind. The strings that
# OSC, DCS, SOS, PM and APC introduce are bounded by the line, so that one left open cannot swallow a traceback.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\r\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)

_BREAK = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")

# The ranges are spelt out, not asked of `unicodedata`, because the same results must give the same bytes under
# every Python. Zero-width joiner and non-joiner stay: Indic scripts are spelt with them.
_INVISIBLE = re.compile(
    "["
    r"\x00-\x08\x0e-\x1f\x7f-\x9f"  # C0 without tab and line feed, DEL, C1
    r"\u00ad\u061c\u180e\u200b\u200e\u200f"  # soft hyphen, direction marks, zero-width space
    r"\u202a-\u202e\u2060-\u206f\ufeff"  # embeddings, overrides, isolates, invisible operators, byte-order mark
    r"\ufdd0-\ufdef\ufff0-\ufffb\ufffe\uffff"  # non-characters and specials, all forbidden or senseless in text
    r"\U000e0000-\U000e007f"  # tags
    "]"
)

# The last two code points of every plane above the first are non-characters as well.
_NONCHARACTER = re.compile(
    "[" + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 17)) + "]"
)

_SURROGATE = re.compile("[\ud800-\udfff]")
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


def printable(text: str) -> str:
    """Visible text with tabs and line feeds: no control sequences, direction overrides or broken characters."""
    text = _BREAK.sub("\n", _ESCAPE.sub("", text))
    return _NONCHARACTER.sub("", _INVISIBLE.sub("", _SURROGATE.sub("\ufffd", text)))


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
