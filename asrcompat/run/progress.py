"""Progress as plain lines, the same in a terminal and in a CI log: when, which environment, what it is at."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from asrcompat.run.secrets import without_secrets

# A session that a matrix run started marks its lines, and the run gives them its own clock.
RELAY_VARIABLE = "ASRCOMPAT_RELAY"
_MARK = "\x1e"


class Progress:
    """Prints lines with the time since it was made; safe to use from several threads."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._quiet = quiet
        self._relayed = bool(os.environ.get(RELAY_VARIABLE))

    def tell(self, text: str) -> None:
        """One line."""
        if self._quiet:
            return
        text = without_secrets(text)
        with self._lock:
            if self._relayed:
                print(_MARK + text, flush=True)
            else:
                print(f"[{time.monotonic() - self._started:7.1f} s] {text}", flush=True)

    def about(self, subject: str) -> Callable[[str], None]:
        """A function that tells of one environment."""
        return lambda text: self.tell(f"{subject}: {text}")

    def relay(self, line: str) -> None:
        """Tell what a session printed, if it is progress."""
        if line.startswith(_MARK):
            self.tell(line.removeprefix(_MARK))
