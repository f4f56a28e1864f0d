"""A mark in an environment while it is probed: where one was left, a run was killed there, and nobody looked any more.

What a path alters in place, uv's cache and other environments have as well, with nothing to tell by: sizes stay, and
the next look would take it for what was installed. So of the files that were written or linked since the mark, the
hashes are compared with those in their distributions' RECORDs.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asrcompat.run.intact import Altered, recorded

_MARK = "asrcompat-probing"
_FIELDS = 3  # file, hash, size
_SLACK_SECONDS = 2.0  # of a file system's clock


@contextmanager
def marked(environment: Path) -> Iterator[None]:
    """Mark an environment while what is inside of the context probes it, and looks what that altered.

    Left by an exception, the mark stays: the look may not have come.
    """
    mark = environment / _MARK
    mark.touch()
    yield
    mark.unlink(missing_ok=True)


def left_altered(environment: Path) -> Altered | None:
    """What a probe that was killed has altered in the files of an environment; None where none was, or nothing."""
    mark = environment / _MARK
    try:
        since = mark.stat().st_mtime - _SLACK_SECONDS
    except FileNotFoundError:
        return None
    found = Altered()
    for packages, distribution, row in recorded(environment):
        file = packages / row[0]
        if len(row) < _FIELDS or not (expected := row[1]).startswith("sha256=") or not _touched(file, since):
            continue
        if _digest(file) != expected:
            found.distributions.add(distribution)
            status = file.stat()
            # as `sharing` looks for it in others
            found.shared[os.path.relpath(file, environment)] = (status.st_dev, status.st_ino)
    if not found.distributions:
        mark.unlink()
        return None
    return found


def _touched(file: Path, since: float) -> bool:
    """Whether a file may have been written since; one that is gone is found by whoever counts them."""
    try:
        status = file.stat()
    except OSError:
        return False
    return max(status.st_mtime, status.st_ctime) >= since


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
