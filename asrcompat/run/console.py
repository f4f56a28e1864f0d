"""Where text for people goes, and what that can show: colours, a display that moves, or plain lines alone."""

from __future__ import annotations

import codecs
import io
import os
import sys

from rich.console import Console


def console() -> Console:
    """Standard output: coloured on a terminal that shows colours, or where ``FORCE_COLOR`` asks for it.

    With ``NO_COLOR``, on a dumb terminal and in a pipe there is no control sequence at all, for bold text neither.
    """
    unfailing()
    forced = bool(os.environ.get("FORCE_COLOR"))
    coloured = not _plain() and (forced or sys.stdout.isatty())
    return Console(
        color_system="auto" if coloured else None, force_terminal=True if coloured and forced else None, highlight=False
    )


def unfailing() -> None:
    """Let standard output write another sign for a character that its encoding lacks: a sign is not worth a run.

    One for one, so that the columns of a table and of a display stay where they are; ``?`` where none is like it.
    """
    out = sys.stdout
    if isinstance(out, io.TextIOWrapper) and (out.errors == "strict" or not is_unicode(out.encoding)):
        out.reconfigure(errors=_LIKE)


def _like(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that could not be written, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_SIGNS.get(one, "?") for one in lacking), error.end


_LIKE = "asrcompat-like"
_SIGNS = {"✓": "+", "✗": "x", "–": "-", "—": "-", "·": ".", "→": ">"}  # what works and what does not must differ
codecs.register_error(_LIKE, _like)


def is_unicode(encoding: str) -> bool:
    """Whether an encoding has every character."""
    return encoding.lower().startswith("utf")


def moves() -> bool:
    """Whether lines that were printed can be printed over: on a terminal that a person looks at, and not in CI."""
    return sys.stdout.isatty() and not _plain() and not os.environ.get("CI")


def _plain() -> bool:
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") in ("dumb", "unknown")
