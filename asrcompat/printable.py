"""Text from packages without what would move a terminal, or what no file can hold."""

from __future__ import annotations

import re
import shlex

# Escape sequences are removed whole: without its ESC, "\x1b[31m" would leave "[31m" behind. The strings that
# OSC, DCS, SOS, PM and APC introduce are bounded by the line, so that one left open cannot swallow a traceback.
_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\r\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)

_CONTROL = re.compile(r"[\t\n]+")

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


def printable(text: str) -> str:
    """Visible text with tabs and line feeds: no control sequences, direction overrides or broken characters."""
    text = _BREAK.sub("\n", _ESCAPE.sub("", text))
    return _NONCHARACTER.sub("", _INVISIBLE.sub("", _SURROGATE.sub("\ufffd", text)))


def shell_line(*words: str) -> str:
    """A command line to be copied into a shell: each word one word there, and fit for a terminal.

    Names come from results, which may have come from anywhere, and folders may have blanks.
    """
    return shlex.join(_CONTROL.sub(" ", printable(word)) for word in words)
