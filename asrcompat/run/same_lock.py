"""Results by their lock, whichever environment they are of: "newest" and the release that it is have one lock.

Which lock a file is of stands near its beginning, and is read once for each version of a file: of a large folder only
the files that count are read whole. It is read from the files themselves, since any may be dropped in.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from asrcompat.model import EnvironmentResult
from asrcompat.result_files import ResultError, parse_environment_result

EARLIER = "earlier"  # where a store lays results by
_LOCK = re.compile(rb'"lock_sha256":\s*"([0-9a-f]{64})"')
_BEGINNING = 65536  # bytes; before its lock a file tells of the host, of the versions, and why they are in conflict

_State = tuple[int, int, int]
_seen: dict[str, tuple[_State, str | None]] = {}  # by file; several threads may find out the same


def read_result(file: Path, *, warn: Callable[[str], None]) -> EnvironmentResult | None:
    """The result in a file; None, with a warning where the file is torn or foreign, if there is none."""
    try:
        return parse_environment_result(file.read_bytes(), source=str(file))
    except FileNotFoundError:
        return None
    except (ResultError, OSError) as error:
        warn(f"passed over: {error}")
        return None


def of_lock(folder: Path, lock_sha256: str, *, but: str, warn: Callable[[str], None]) -> Iterator[EnvironmentResult]:
    """The results of a lock in a store's folder but those of one id: those that are kept, then those laid by."""
    kept = (file for file in _results(folder) if _lock_of(file) == lock_sha256)
    for file in (*kept, *map(str, sorted(folder.glob(f"{EARLIER}/*/{earlier_name(lock_sha256)}")))):
        found = read_result(Path(file), warn=warn)
        if found is not None and found.environment.lock_sha256 == lock_sha256 and found.environment.id != but:
            yield found


def earlier_name(lock_sha256: str) -> str:
    """How a result that was laid by is called, in a folder of its environment's id."""
    return f"{lock_sha256[:16]}.json"


def _results(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(one.path for one in entries if one.name.endswith(".json") and not one.name.startswith("."))
    except FileNotFoundError:
        return []


def _lock_of(file: str) -> str | None:
    """The lock that a result file says it is of; None where it says none."""
    try:
        status = os.stat(file)  # noqa: PTH116 - every result, for every environment that lacks a cell
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
        if (before := _seen.get(file)) is not None and before[0] == state:
            return before[1]
        with open(file, "rb") as stream:  # noqa: PTH123
            match = _LOCK.search(stream.read(_BEGINNING))
    except OSError:
        return None
    lock = None if match is None else match[1].decode()
    _seen[file] = (state, lock)
    return lock
