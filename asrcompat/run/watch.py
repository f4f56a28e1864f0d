"""Following a probe by the records that it writes: progress, and an end to an import that does not end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

from asrcompat.run.records import Event, read_events

Progress = Callable[[str, str], None]  # path, what it is at


class ImportDeadlineError(Exception):
    """An import in the probe's parent process takes too long."""


class Watch:
    """Follows the records while the probe writes them: tells progress, and ends an import that does not end."""

    def __init__(self, folder: Path, names: Mapping[str, Path], import_seconds: float | None, tell: Progress) -> None:
        self._folder = folder
        self._import_seconds = import_seconds
        self._tell = tell
        self._seen = dict.fromkeys(names, 0)
        self._importing: tuple[str, float] | None = None
        self._failed: dict[str, bool] = {}

    def poll(self) -> None:
        """Tell what is new; raises `ImportDeadlineError`."""
        for name, seen in self._seen.items():
            events = read_events(self._folder / f"{name}.jsonl")
            self._seen[name] = len(events)
            for event in events[seen:]:
                self._follow(name, event)
        if self._importing is not None and self._import_seconds is not None:
            module, since = self._importing
            if time.monotonic() - since > self._import_seconds:
                message = f"importing {module} did not finish within {self._import_seconds:.0f} s, the deadline"
                raise ImportDeadlineError(message)

    def _follow(self, name: str, event: Event) -> None:
        if event["event"] == "begin" and event["stage"] == "import":
            self._importing = (event["module"], time.monotonic())
            self._tell(name, f"import {event['module']}")
        elif event["event"] == "check":
            if event["stage"] == "import":
                self._importing = None
                self._tell(name, f"import {event['outcome']} ({event['seconds']:.1f} s)")
            elif event["required"] and event["outcome"] not in ("passed", "skipped"):
                self._tell(name, f"{event['stage']} {event['outcome']} at {event['id']}")
            if event["required"]:
                self._failed[name] = event["outcome"] not in ("passed", "skipped")
        elif event["event"] == "stage" and not self._failed.get(name):
            self._tell(name, f"{event['stage']} passed ({event['seconds']:.1f} s)")
