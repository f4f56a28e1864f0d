"""What ``bisect`` does: choose, estimate, search, keep, tell; and which exit code that makes."""

from __future__ import annotations

from asrcompat.bisecting.axis import along_an_axis
from asrcompat.bisecting.locks import between_locks
from asrcompat.errors import ExitCode, UsageError
from asrcompat.options import Options


def bisect(options: Options) -> ExitCode:
    """Find the release along an axis, or the change between two locks, that broke or cured a path.

    0: found, or there is no limit up to the end of the line; 3: it could not be found out.
    """
    if options.locks is not None:
        given = [f"--{name}" for name in ("good", "bad", "cured", "prereleases", "yanked") if getattr(options, name)]
        if given:
            message = f"--locks and {', '.join(given)}: of two locks the first is the good one; leave the rest out"
            raise UsageError(message)
        return between_locks(options, *options.locks)
    return along_an_axis(options)
