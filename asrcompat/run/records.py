"""What a probe leaves of each path: a record of events, line by line, and a log."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asrcompat.model import Device

Event = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Raw:
    """What one path's probe left: its events in order and its log; `first` is the run that died before this one."""

    path: str
    device: Device
    events: tuple[Event, ...]
    log: bytes
    first: Raw | None = None

    def last(self, kind: str) -> Event | None:
        """The last event of a kind."""
        return next((event for event in reversed(self.events) if event["event"] == kind), None)

    @property
    def died(self) -> bool:
        """Whether the process ended before it was done."""
        return self.last("finished") is None

    @property
    def climbed(self) -> bool:
        """Whether the climb was over: a process that died after that has its verdict."""
        return self.last("climbed") is not None


def read_events(file: Path) -> list[Event]:
    """The whole lines of a record; a last line that a killed process tore is left out."""
    try:
        lines = file.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    events = []
    for line in lines:
        with contextlib.suppress(ValueError):  # torn by a full disk: what is missing makes the record end early
            events.append(json.loads(line))
    return events
