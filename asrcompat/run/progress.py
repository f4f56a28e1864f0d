"""Progress: when, which environment, what it is at; as plain lines, or on a terminal as a display that moves.

A log, a pipe, a dumb terminal and `NO_COLOR` get whole lines alone, one for each event. Texts that come out of packages
are told without control characters.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from rich.live import Live
from rich.text import Text

from asrcompat.printable import printable
from asrcompat.run.board import Board
from asrcompat.run.console import moves, unfailing
from asrcompat.run.live import display
from asrcompat.run.secrets import without_secrets

# A session that a matrix run started marks its lines, and the run gives them its own clock.
RELAY_VARIABLE = "ASRCOMPAT_RELAY"
_MARK, _BREAK = "\x1e", "\x1f"  # of a text's lines but the first: a relayed text is one line


class Progress:
    """Tells with the time since it was made; safe to use from several threads."""

    def __init__(self, *, quiet: bool = False) -> None:
        unfailing()
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._quiet = quiet
        self._relayed = bool(os.environ.get(RELAY_VARIABLE))
        self._board: Board | None = None
        self._live: Live | None = None
        self._done = ""

    def tell(self, text: str) -> None:
        """One event. On a terminal, what says no more than how far an environment is only moves the display."""
        if self._quiet:
            return
        text = without_secrets(printable(text))
        with self._lock:
            if self._relayed:
                print(_MARK + text.replace("\n", _BREAK), flush=True)
                return
            before = 0 if self._board is None else self._board.done
            moved = self._board is not None and self._board.take(text)
            if not (moved and self._live is not None):
                self._say(text)
            if self._board is not None and self._live is None and self._board.done > before and self._board.count > 1:
                self._say(f"{self._board.done} of {self._board.count} environments {self._done}")

    def move(self, subject: str, text: str) -> None:
        """What an environment is at, for a display alone: no event that a log should hold."""
        board = self._board  # once: what shows it may end meanwhile
        if board is not None and not self._quiet:
            board.take(f"{subject}: {text}")

    def _say(self, text: str) -> None:
        first, *more = text.split("\n")
        line = "\n".join([f"[{time.monotonic() - self._started:7.1f} s] {first}", *(f"    {one}" for one in more)])
        if self._live is None:
            print(line, flush=True)
        else:
            self._live.console.print(Text(line), soft_wrap=True)

    @contextmanager
    def showing(
        self, names: Iterable[str] | None = None, *, also: Mapping[str, str] | None = None, done: str = "done"
    ) -> Iterator[None]:
        """Count how many of these environments are `done` while what is inside of the context runs, and show the rest.

        Without names, whichever is told of is shown. `also` are other names of some.
        """
        if self._quiet or self._relayed:
            yield
            return
        self._board, self._done = Board(names, also=also), done
        try:
            if not moves():
                yield
                return
            with display(self._board, done=done, started=self._started) as self._live:
                yield
        finally:
            with self._lock:  # another thread may be telling something
                self._board = self._live = None

    def tell_of(self, subject: str, text: str) -> None:
        """One event of one environment."""
        self.tell(f"{subject}: {text}")

    def about(self, subject: str) -> Callable[[str], None]:
        """A function that tells of one environment."""
        return lambda text: self.tell_of(subject, text)

    def relay(self, line: str) -> None:
        """Tell what a session printed, if it is progress."""
        if line.startswith(_MARK):
            self.tell(line.removeprefix(_MARK).replace(_BREAK, "\n"))


def plain(text: str) -> str:
    """What sessions printed, without the marks by which a run knows their progress."""
    return text.replace(_MARK, "").replace(_BREAK, "\n")
