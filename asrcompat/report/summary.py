"""The job summary: the tables and what explains them, small enough for the place it is shown in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asrcompat.report.render import markdown

if TYPE_CHECKING:
    from asrcompat.model import Results

# GitHub refuses a step summary of more than 1 MiB as a whole; other steps may have written some of it.
_LIMIT = 1_000_000
_CUT = "The rest is left out here; `compatibility.md` has it.\n"


def job_summary(results: Results, *, limit: int = _LIMIT) -> str:
    """Write the main page without its details; where that is still too long, lines from its end go."""
    text = markdown(results, details=False)
    if _size(text) <= limit:
        return text
    lines: list[str] = []
    room = limit - _size(f"\n\n{_CUT}")
    for line in text.splitlines(keepends=True):
        room -= _size(line)
        if room < 0:
            break
        lines.append(line)
    return "".join([*lines, "\n", _CUT])


def _size(text: str) -> int:
    return len(text.encode())
