"""The coloured table in the terminal and the CI log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from asrcompat.model import Outcome
from asrcompat.report.environments import TITLES
from asrcompat.report.sanitize import one_line
from asrcompat.report.view import view

if TYPE_CHECKING:
    from rich.console import Console

    from asrcompat.model import Results
    from asrcompat.report.view import CellView, Row, View

_STYLES = {
    Outcome.WORKS: "green",
    Outcome.BROKEN: "bold red",
    Outcome.UNSTABLE: "yellow",
    Outcome.UNAVAILABLE: "dim",
    Outcome.ERROR: "magenta",
}

# Narrower than this, a column per package would break versions apart.
_ROOMY = 130


def render_table(results: Results, console: Console) -> None:
    """Print the table, the notes below it, and what differs from the expectations."""
    prepared = view(results)
    console.print(_table(prepared, roomy=console.width >= _ROOMY))
    for row in prepared.rows:
        for note in row.notes:
            _say(console, f"{row.environment.number}. {note.subject}: {note.text}")
    for line in prepared.folded:
        _say(console, line)
    _say(console, prepared.summary, "bold")
    for title, entries in prepared.expectations:
        _say(console, f"{title}:", "bold")
        for entry in entries:
            reason = f" ({entry.reason})" if entry.reason else ""
            _say(console, "  " + ": ".join(filter(None, [entry.subject, entry.text])) + reason)
    if prepared.missing:
        _say(console, "No result: " + ", ".join(prepared.missing), "bold")


def _table(prepared: View, *, roomy: bool) -> Table:
    table = Table(show_lines=not roomy)
    table.add_column("#", no_wrap=True)
    for title in TITLES if roomy else ("environment",):
        table.add_column(title, no_wrap=True)
    for column in prepared.columns:
        table.add_column(_text(f"{column.path} {column.device}"))
    for row in prepared.rows:
        table.add_row(str(row.environment.number), *_versions(row, roomy=roomy), *(_cell(item) for item in row.cells))
    return table


def _versions(row: Row, *, roomy: bool) -> list[Text]:
    if roomy:
        return [_text(version) for version in row.environment.versions]
    return [Text("\n").join(_text(version) for version in row.environment.named)]


def _cell(item: CellView | None) -> Text:
    return Text() if item is None else _text(item.text, _STYLES[item.cell.outcome])


def _say(console: Console, text: str, style: str = "") -> None:
    # Neither markup nor highlighting: brackets and numbers in a message are the message's. The indent is ours.
    indent = text[: len(text) - len(text.lstrip(" "))]
    console.print(Text(indent) + _text(text, style), soft_wrap=True)


def _text(text: str, style: str = "") -> Text:
    return Text(one_line(text), style=style)
