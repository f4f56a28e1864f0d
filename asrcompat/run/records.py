"""What a probe leaves of each path: a record of events, line by line, and a log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
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

    def sha256(self) -> str:
        """The hash of all that was left: the log alone is empty where nothing was printed."""
        record = json.dumps(self.events, sort_keys=True).encode()
        return sha256(record + b"\n" + self.log).hexdigest()

    @property
    def died(self) -> bool:
        """Whether the process ended before it was done."""
        return self.last("finished") is None

    @property
    def climbed(self) -> bool:
        """Whether the climb was over: a process that died after that has its verdict."""
        return self.last("climbed") is not None


def read_events(file: Path) -> list[Event]:
    """The lines of a record up to the first that a killed process or a full disk tore: what follows it is not sure."""
    try:
        lines = file.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    events = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            break  # the record ends here, and so does not say that the path was done
        events.append(event)
    return events
