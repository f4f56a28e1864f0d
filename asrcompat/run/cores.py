"""The cores of a run, shared by the sessions that it still has: a file tells their probes how many threads to take.

Without it the last session, often the longest, would go on alone with the threads of one among many. What reads the
file is `asrcompat.probe.threads`; without one a probe keeps the threads that it was started with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from time import time

from asrcompat.run import host
from asrcompat.run.store import write_text

_STALE_SECONDS = 7 * 86400.0  # no run takes as long: one that was killed left its file

FILE_VARIABLE = "ASRCOMPAT_THREADS_FILE"  # by this a session knows the file of its run; empty: there is none


@contextmanager
def shared(work: Path) -> Iterator[Path]:
    """The file of one run of the work folder, which may have several, until that is over."""
    file = work / "threads" / f"{token_hex(8)}.json"
    for left in file.parent.glob("*"):
        with suppress(OSError):  # another run may remove it as well
            if time() - left.stat().st_mtime > _STALE_SECONDS:
                left.unlink()
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def share(file: Path, *, sessions: int) -> None:
    """Give each of so many sessions (0: as one) its part of the cores; on a full disk it stays as it was before."""
    with suppress(OSError):
        write_text(file, json.dumps({"threads": max(1, host.usable_cores() // max(1, sessions))}))
