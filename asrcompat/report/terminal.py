"""The coloured table in the terminal and the CI log, and the three things to know after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from asrcompat.model import Outcome
from asrcompat.report import words
from asrcompat.report.sanitize import one_line
from asrcompat.report.three import lines
from asrcompat.report.view import view

if TYPE_CHECKING:
    from rich.console import Console

    from asrcompat.model import Results
    from asrcompat.report.grid import Entry, Grid
    from asrcompat.report.three import Three
    from asrcompat.report.view import View

_STYLES = {
    Outcome.WORKS.value: "green",
    Outcome.BROKEN.value: "bold red",
    Outcome.UNSTABLE.value: "yellow",
    Outcome.UNAVAILABLE.value: "dim",
    Outcome.ERROR.value: "magenta",
    "absent": "dim",
}

_EDGES = 3  # what a column takes beside its text: a blank on each side and a border
_WIDEST = 16  # a longer text is broken at its blanks, which keeps a long distribution's name from widening its column


def render_table(results: Results, console: Console) -> None:
    """Print the tables, why cells are not green, and what differs from the expectations."""
    prepared = view(results)
    for drawn in prepared.tables:
        if len(prepared.tables) > 1:
            _say(console, drawn.device.value, "bold")
        for block in drawn.grid.blocks(_columns(drawn.grid, console.width)):
            console.print(_table(block))
    _say(console, "; ".join(f"{sign}: {meaning}" for sign, meaning in prepared.legend.key), "dim")
    for reason in prepared.reasons:
        told = "; ".join(
            [
                ": ".join(filter(None, [reason.failure.title, reason.failure.reason])),
                *(cure.text for cure in reason.cures),
            ]
        )
        _say(console, f"{reason.failure.number}. {reason.where}: {told}")
    for line in prepared.folded:
        _say(console, line)
    _say(console, prepared.summary, "bold")
    for line in filter(None, [prepared.findings.summary, prepared.claims.summary]):
        _say(console, line)
    _expectations(prepared, console)
    if prepared.missing:
        _say(console, "No result: " + ", ".join(prepared.missing), "bold")


def render_three(told: Three, console: Console) -> None:
    """Print what a reader should know who reads nothing else."""
    for line, style in lines(told):
        _say(console, line, style)


def _expectations(prepared: View, console: Console) -> None:
    for group in prepared.expectations:
        if group.folded:
            _say(console, f"{group.title}: {words.plural(group.cells, 'cell')}, see the report", "bold")
            continue
        _say(console, f"{group.title}:", "bold")
        for entry in group.entries:
            reason = f" ({entry.reason})" if entry.reason else ""
            _say(console, "  " + ": ".join(filter(None, [entry.subject, entry.text])) + reason)


def _columns(grid: Grid, width: int) -> int:
    """How many columns fit beside the heads of the lines."""
    head = max((len(line.head.text) for line in grid.lines), default=0) + _EDGES + 1
    texts = (_told(entry) for line in grid.lines for entry in line.entries)
    widest = min(_WIDEST, max((len(text) for text in texts), default=1))
    return max(1, (width - head) // (widest + _EDGES))


def _table(grid: Grid) -> Table:
    table = Table()
    table.add_column(_text(grid.corner), no_wrap=True)
    for column in grid.columns:
        # A requirement may have no blank to be broken at, and half of one says nothing.
        table.add_column(_text(column.text), max_width=_WIDEST, overflow="fold")
    for number, line in enumerate(grid.lines, start=1):
        last = line.quiet and not all(other.quiet for other in grid.lines[number : number + 1])
        style = "dim" if line.quiet else ""
        table.add_row(_text(line.head.text, style), *map(_entry, line.entries), end_section=last)
    return table


def _entry(entry: Entry) -> Text:
    return _text(_told(entry), _STYLES.get(entry.kind, ""))


def _told(entry: Entry) -> str:
    return " ".join(filter(None, [entry.text, f"[{entry.mark}]" if entry.mark else ""]))


def _say(console: Console, text: str, style: str = "") -> None:
    # Neither markup nor highlighting: brackets and numbers in a message are the message's. The indent is ours.
    indent = text[: len(text) - len(text.lstrip(" "))]
    console.print(Text(indent) + _text(text, style), soft_wrap=True)


def _text(text: str, style: str = "") -> Text:
    return Text(one_line(text), style=style)
