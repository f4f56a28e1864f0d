"""Locks as of the start of a search, so that a release that is run again is run on the same packages.

A lock is used again for some hours only, with ``--fresh`` not at all: the second of two runs of a release would be of
what the index offers by then, and tell nothing of the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from asrcompat.plan.prepare import Sources


class AsOf:
    """Where a search's locks come from: what was young when it began, or was resolved since, is used again."""

    def __init__(self, sources: Sources, *, now: Callable[[], float] = time.time) -> None:
        self._sources = sources
        self._now = now
        self._began = now()

    @property
    def sources(self) -> Sources:
        """The places to resolve from, as they are to be at this moment of the search."""
        index = self._sources.index
        hours = (0.0 if self._sources.fresh else index.lock_hours) + (self._now() - self._began) / 3600
        return replace(self._sources, fresh=False, index=replace(index, lock_hours=max(hours, 0.0)))
