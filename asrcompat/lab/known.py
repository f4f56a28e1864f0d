"""What the laboratory found before, by content: results that would come out the same are not made again.

Every report reads some of it, and no more of the laboratory than this.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path

from asrcompat.model import EnvironmentResult, Outcome
from asrcompat.result_files import ResultError, dump, parse_environment_result
from asrcompat.run.progress import Progress
from asrcompat.run.store import write_text


class Known:
    """Results of one kind of weights, each in a file that is written once.

    `admit` makes an error of each verdict that proves nothing. What could not be made is believed for `unbuilt_hours`:
    an index, a compiler or a library of this machine may be another by then. A file that is torn or foreign is told
    (`warn`) and passed over.
    """

    def __init__(
        self,
        folder: Path,
        *,
        admit: Callable[[EnvironmentResult], EnvironmentResult] = lambda result: result,
        unbuilt_hours: float = math.inf,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self._folder = folder
        self._admit = admit
        self._unbuilt_hours = unbuilt_hours
        self._warn = warn or Progress().tell

    def read(self, key: str) -> EnvironmentResult | None:
        """The result of this content; None where there is none that says something, or none so young."""
        file = self._folder / f"{key}.json"
        try:
            age = time.time() - file.stat().st_mtime
            result = self._admit(parse_environment_result(file.read_bytes(), source=str(file)))
        except FileNotFoundError:
            return None
        except (ResultError, OSError) as error:
            self._warn(f"passed over: {error}")
            return None
        if result.environment.installable != "ok" and age > self._unbuilt_hours * 3600:
            return None
        return result if says_something(result) else None

    def keep(self, key: str, result: EnvironmentResult, lock: str | None) -> None:
        """Keep a result and the text of its lock."""
        if lock is not None and result.environment.lock_sha256 is not None:
            write_text(self._lock(result.environment.lock_sha256), lock)
        write_text(self._folder / f"{key}.json", dump(result))

    def lock(self, sha256_of_lock: str) -> str:
        """The text of a lock that a result was made of."""
        return self._lock(sha256_of_lock).read_text(encoding="utf-8")

    def _lock(self, name: str) -> Path:
        return self._folder / "locks" / f"{name}.txt"


def says_something(result: EnvironmentResult) -> bool:
    """Whether no cell of a result is an error of the harness: one that is may be another the next time."""
    return all(cell.outcome is not Outcome.ERROR for cell in result.cells)
