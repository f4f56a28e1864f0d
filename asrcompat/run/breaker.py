"""When an index is down, a run finds that out a few times and not once for each of its environments.

What is known of it is a file in the work folder: sessions are processes of their own, and share it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from asrcompat.run.hold import held
from asrcompat.run.store import write_text
from asrcompat.run.uv import Failure

_AFTER = 3  # failures with no answer in between, be they one after the other or at once
NOT_ASKED = "not asked: the index"  # how the message of such a failure begins
_REST_SECONDS = 300.0  # for which nobody asks then; after that one failure is enough for another rest


class Breaker:
    """Asks an index, unless it failed to answer some times in a row and that is not long ago."""

    def __init__(self, work: Path) -> None:
        self._file = work / "index-down.json"
        self._lock = work / "index-down.lock"

    def ask(self, question: Callable[[], Any], *, instead: Callable[[], Any] | None = None) -> Any:
        """The answer to a question to the index; a failure at once where it would not answer anyway.

        Then `instead` may answer without it; and an answer to a question that has such a way says nothing of the index.
        """
        known = self._known()
        if known is not None and known["failures"] >= _AFTER and 0 <= time.time() - known["at"] < _REST_SECONDS:
            message = (
                f"{NOT_ASKED} did not answer {known['failures']} times in a row, and is left alone for "
                f"{_REST_SECONDS:.0f} s since; the last time: {known['message']}"
            )
            answer = None if instead is None else instead()
            refused = Failure(kind="error", message=message, unreachable=True)
            return refused if instead is None or isinstance(answer, Failure) else answer
        answer = question()
        if isinstance(answer, Failure) and answer.unreachable:
            self._failed(answer.message)
        elif instead is None and self._file.exists():  # of before, or of others that asked meanwhile
            with self._alone():
                self._file.unlink(missing_ok=True)
        return answer

    def seconds_left(self) -> float:
        """How long the index is left alone yet; 0 where it is not."""
        known = self._known()
        if known is None or known["failures"] < _AFTER:
            return 0.0
        left: float = known["at"] + _REST_SECONDS - time.time()
        return max(0.0, min(_REST_SECONDS, left))

    def _failed(self, message: str) -> None:
        """Count a failure; others may have failed, or had their answer, while this one asked."""
        with self._alone():
            known = self._known()
            failures = 1 if known is None else known["failures"] + 1
            write_text(self._file, json.dumps({"failures": failures, "at": time.time(), "message": message}))

    def _alone(self) -> AbstractContextManager[None]:
        return held(self._lock, wait=lambda: None)

    def _known(self) -> dict[str, Any] | None:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            return {"failures": int(found["failures"]), "at": float(found["at"]), "message": str(found["message"])}
        except (OSError, ValueError, KeyError, TypeError):
            return None
