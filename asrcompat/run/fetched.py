"""The large distributions in a search's own cache, which leave it once the environment that they were for is built."""

from __future__ import annotations

from collections.abc import Callable

from asrcompat.run import uv
from asrcompat.run.lock import Lock

LARGE_MB = 40  # a distribution that is worth fetching again rather than keeping


class Fetched:
    """What was fetched since the cache was last cleaned."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._names: set[str] = set()

    def add(self, lock: Lock) -> None:
        """What an installation of this lock fetches."""
        self._names |= set(lock.larger_than(LARGE_MB * 10**6))

    def clean(self) -> None:
        """Take them from the cache."""
        names, self._names = sorted(self._names), set()
        if not names:
            return
        # two installations at once may have fetched one file twice: only the pruning finds what nothing points to then
        for command in (["clean", *names], ["prune"]):
            done = uv.command(["cache", command[0], "--quiet", *command[1:]], seconds=600)
            if (failed := uv.failure(done)) is not None:
                self._tell(f"uv's cache keeps {', '.join(names)}: {failed.message}")
