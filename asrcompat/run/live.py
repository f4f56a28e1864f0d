"""The display that moves, on a terminal: how many environments are done, what each of the others is at, since when.

By rich, which draws the tables of reports already: it keeps what is printed meanwhile above the display, whichever
thread prints it, and gives the terminal back as it was, an interrupt included.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, ConsoleOptions, OverflowMethod, RenderResult
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from asrcompat.printable import printable
from asrcompat.run.board import Board, Phase
from asrcompat.run.console import console

_STYLES = {Phase.INSTALLING: "blue", Phase.PROBING: "green", Phase.WAITING: "dim", Phase.FETCHING: "cyan"}
_MINUTE = 60
_NAME, _PHASE = 40, 10  # columns; the rest is for what it is at


class Display:
    """A board as rich draws it, anew each time."""

    def __init__(self, board: Board, *, done: str, started: float) -> None:
        self._board = board
        self._done = done
        self._started = started
        self._spinners = {ascii_only: Spinner("line" if ascii_only else "dots") for ascii_only in (True, False)}

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it, a line for each row however narrow the terminal is."""
        board, now = self._board, time.monotonic()
        # a terminal that is not UTF-8 has neither the dots nor the sign of what was cut off
        spinner = self._spinners[options.ascii_only]
        overflow: OverflowMethod = "crop" if options.ascii_only else "ellipsis"
        rows = board.rows()
        count = f"{board.done} of {board.count} environments {self._done}, " if board.count else ""
        yield Text(f"{count}{len(rows)} at work, {duration(now - self._started)}", style="bold", overflow=overflow)
        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(width=1)
        table.add_column(no_wrap=True, overflow=overflow, max_width=max(_NAME, options.max_width // 2))
        table.add_column(no_wrap=True, width=_PHASE)
        table.add_column(no_wrap=True, overflow=overflow, ratio=1)
        table.add_column(no_wrap=True, justify="right")
        for row in rows:
            table.add_row(
                spinner.render(now),
                Text(printable(row.name)),
                Text(row.phase, style=_STYLES.get(row.phase, "")),
                Text(" ".join(printable(row.detail).split())),
                Text(duration(now - row.since), style="dim"),
            )
        yield table


@contextmanager
def display(board: Board, *, done: str, started: float) -> Iterator[Live]:
    """Show a board below what is printed, until what is inside of the context is over; then it is gone."""
    drawn = Display(board, done=done, started=started)
    with Live(drawn, console=console(), transient=True, refresh_per_second=4) as live:
        yield live


def duration(seconds: float) -> str:
    """``34 s``, ``12 min 3 s``."""
    whole = int(seconds)
    return f"{whole} s" if whole < _MINUTE else f"{whole // _MINUTE} min {whole % _MINUTE} s"
