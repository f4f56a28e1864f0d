"""When an index is down, a run finds that out a few times and not once for each of its environments.

What is known of it is a file in the work folder: sessions are processes of their own, and share it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asrcompat.run.store import write_text
from asrcompat.run.uv import Failure

_AFTER = 3  # failures in a row
_REST_SECONDS = 300.0  # for which nobody asks then; after that one failure is enough for another rest


class Breaker:
    """Asks an index, unless it failed to answer some times in a row and that is not long ago."""

    def __init__(self, work: Path) -> None:
        self._file = work / "index-down.json"

    def ask(self, question: Callable[[], Any]) -> Any:
        """The answer to a question to the index; a failure at once where it would not answer anyway."""
        known = self._known()
        if known is not None and known["failures"] >= _AFTER and 0 <= time.time() - known["at"] < _REST_SECONDS:
            message = (
                f"not asked: the index did not answer {known['failures']} times in a row, and is left alone for "
                f"{_REST_SECONDS:.0f} s since; the last time: {known['message']}"
            )
            return Failure(kind="error", message=message, unreachable=True)
        answer = question()
        if isinstance(answer, Failure) and answer.unreachable:
            failures = 1 if known is None else known["failures"] + 1
            told = {"failures": failures, "at": time.time(), "message": answer.message}
            write_text(self._file, json.dumps(told))
        elif known is not None:
            self._file.unlink(missing_ok=True)
        return answer

    def _known(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            return {"failures": int(found["failures"]), "at": float(found["at"]), "message": str(found["message"])}
        except (OSError, ValueError, KeyError, TypeError):
            return None
