"""A mark in an environment while it is probed: where one was left, a run was killed there, and nobody looked any more.

What a path alters in place, uv's cache and other environments have as well, with nothing to tell by: sizes stay, and
the next look would take it for what was installed. So of the files that were written or linked since the mark, the
hashes are compared with those in their distributions' RECORDs. What Python compiled is in none: see `run.killed`.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asrcompat.run.bytecode import PROBING
from asrcompat.run.intact import Altered, recorded

_FIELDS = 3  # file, hash, size
_SLACK_SECONDS = 2.0  # of a file system's clock


@contextmanager
def marked(environment: Path) -> Iterator[None]:
    """Mark an environment while what is inside of the context probes it, and looks what that altered.

    Left by an exception, the mark stays: the look may not have come.
    """
    mark = environment / PROBING
    mark.touch()
    yield
    mark.unlink(missing_ok=True)


def left_since(environment: Path) -> float | None:
    """Since when (seconds since 1970) a probe that was killed may have altered files; None where none was killed."""
    try:
        return (environment / PROBING).stat().st_mtime - _SLACK_SECONDS
    except FileNotFoundError:
        return None


def left_altered(environment: Path) -> Altered | None:
    """What a probe that was killed has altered in the files of an environment; None where none was, or nothing.

    A compiled module that a distribution brought without a hash counts as altered where it may have been written.
    """
    if (since := left_since(environment)) is None:
        return None
    found = Altered()
    for packages, distribution, row in recorded(environment):
        if len(row) < _FIELDS or not (row[1].startswith("sha256=") or (not row[1] and row[0].endswith(".pyc"))):
            continue
        file = packages / row[0]
        if touched(file, since) and (not row[1] or _digest(file) != row[1]):
            found.distributions.add(distribution)
            status = file.stat()
            # as `sharing` looks for it in others
            found.shared[os.path.relpath(file, environment)] = (status.st_dev, status.st_ino)
    if not found.distributions:
        (environment / PROBING).unlink()
        return None
    return found


def touched(file: Path, since: float) -> bool:
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
