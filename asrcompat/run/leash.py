"""A command that ends with us, however we end: the kernel sees to it, where util-linux is there to ask it.

Not by a function between fork and exec: in a process of several threads that one may wait for ever for a lock that
another thread held.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache

_LEASH = ("--pdeathsig", "KILL", "--")


def leashed(command: Sequence[str]) -> list[str]:
    """The command, killed as soon as the thread that starts it is gone, which so has to stay as long as it runs.

    Where there is no such thing, and in the millisecond before the kernel is told, it lives on: it is alone with what
    it works at all the same, for it holds that (`run.hold`).
    """
    setpriv = _setpriv()
    return list(command) if setpriv is None else [setpriv, *_LEASH, *command]


@cache
def _setpriv() -> str | None:
    """util-linux's ``setpriv``, where it can do this; others of that name cannot."""
    found = shutil.which("setpriv")
    if found is None:
        return None
    tried = subprocess.run([found, *_LEASH, "true"], capture_output=True, check=False)
    return found if tried.returncode == 0 else None
