"""How far the environments of a run are, by what their sessions tell: the same lines that a log has.

A session is a process of its own, on this machine or another, whose progress comes as lines; so what each is at is read
from these, by one table. A line that the table does not know changes nothing.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from asrcompat.model import Stage


class Phase(StrEnum):
    """What an environment is at."""

    RESOLVING = "resolving"
    WAITING = "waiting"
    INSTALLING = "installing"
    PROBING = "probing"
    FETCHING = "fetching"
    DONE = "done"


_OVER = "over"  # of what is fetched meanwhile: a detail that is not shown
_CLIMBED = [stage for stage in Stage if stage is not Stage.RECIPE]


def _next(match: re.Match[str]) -> str:
    """What a path is at that has passed a stage."""
    path, device, passed = match.groups()
    rung = Stage(passed).rung + 1
    return f"{path} on {device}: {_CLIMBED[rung] if rung < len(_CLIMBED) else 'findings'}"


# What a session says by which its phase is known, with what is shown of it; the first that fits.
_SAYS: tuple[tuple[re.Pattern[str], Phase, str | Callable[[re.Match[str]], str]], ...] = tuple(
    (re.compile(pattern), phase, shown)
    for pattern, phase, shown in (
        (r"resolve$", Phase.RESOLVING, ""),
        (r"resolved|kept in |its session (?:on \S+ )?ended with code|given up after", Phase.DONE, ""),
        (r"begins on (\S+)", Phase.WAITING, r"on \1"),
        (r"(waits .*)", Phase.WAITING, r"\1"),
        (r"is fetched ahead(?:; if none is cached, (.*))?", Phase.FETCHING, r"\1"),
        (r"(?:was|could not be) fetched ahead", Phase.FETCHING, _OVER),
        (r"install: (?:already there|done)", Phase.PROBING, "prepares"),
        (r"install: (.*)", Phase.INSTALLING, r"\1"),
        (r"(\S+) on (\w+): (import \S+)$", Phase.PROBING, r"\1 on \2: \3"),
        (rf"(\S+) on (\w+): ({'|'.join(_CLIMBED)}) passed\b", Phase.PROBING, _next),
    )
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """An environment that is being worked at: at what, since when (of the clock), and in its own words."""

    name: str
    phase: Phase
    detail: str
    since: float


class Board:
    """How far these environments are; without names, whichever is told of last is the one that is worked at.

    `also` are other names by which some go.
    """

    def __init__(
        self,
        names: Iterable[str] | None,
        *,
        also: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._names = None if names is None else {name: name for name in names} | dict(also or {})
        self.count = 0 if names is None else len(set(self._names or ()) - set(also or ()))
        self._clock = clock
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}
        self._ahead: Row | None = None
        self._done: set[str] = set()

    def take(self, line: str) -> bool:
        """Move what a line tells of; whether it says no more than how far an environment is."""
        name, colon, text = line.partition(": ")
        if not colon or " " in name or (self._names is not None and name not in self._names):
            return False
        name = name if self._names is None else self._names[name]
        for pattern, phase, shown in _SAYS:
            if (match := pattern.match(text)) is not None:
                detail = match.expand(shown) if isinstance(shown, str) else shown(match)
                with self._lock:
                    self._move(Row(name=name, phase=phase, detail=detail, since=self._clock()))
                return phase is not Phase.DONE
        return False

    def _move(self, row: Row) -> None:
        if row.phase is Phase.FETCHING:
            self._ahead = None if row.detail == _OVER else row
            return
        if self._names is None:
            self._rows.clear()
        before = self._rows.pop(row.name, None)
        self._done.discard(row.name)
        if row.phase is Phase.DONE:
            self._done.add(row.name)
            return
        since = before.since if before is not None else row.since
        self._rows[row.name] = Row(name=row.name, phase=row.phase, detail=row.detail, since=since)

    def rows(self) -> list[Row]:
        """What is worked at, the longest first, and what is fetched meanwhile."""
        with self._lock:
            return [*sorted(self._rows.values(), key=lambda row: row.since), *filter(None, [self._ahead])]

    @property
    def done(self) -> int:
        """How many are done."""
        with self._lock:
            return len(self._done)
