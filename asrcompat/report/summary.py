"""The job summary: the report as Markdown, small enough for the place it is shown in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asrcompat.report.render import markdown

if TYPE_CHECKING:
    from asrcompat.model import Results

# GitHub refuses a step summary of more than 1 MiB as a whole; other steps may have written some of it.
_LIMIT = 1_000_000
_CUT = "The rest is left out here; `compatibility.md` has it.\n"


def job_summary(results: Results, *, limit: int = _LIMIT) -> str:
    """Write the fullest form that fits: first tracebacks go, then all details and links, then lines from the end."""
    for tracebacks, details in ((True, True), (False, True), (False, False)):
        text = markdown(results, tracebacks=tracebacks, details=details)
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
