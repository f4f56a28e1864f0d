"""Waiting for what comes about by itself, in a process or a thread, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil


def comes(condition: Callable[[], object], *, within: float = 60) -> bool:
    """Whether a condition comes true within so many seconds."""
    until = time.monotonic() + within
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def running_with(mark: str) -> list[list[str]]:
    """The command lines with a mark, of processes that run; what was killed is gone only once it got a core."""
    return [
        one.info["cmdline"]
        for one in psutil.process_iter(["cmdline", "status"])
        if any(mark in part for part in one.info["cmdline"] or ()) and one.info["status"] != psutil.STATUS_ZOMBIE
    ]
