"""The report that is about to be replaced, as it lies in its folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from asrcompat.errors import UsageError
from asrcompat.explain.changed import Edition
from asrcompat.history.source import FILE, edition
from asrcompat.model import Results


def replaced(folder: Path, *, warn: Callable[[str], None]) -> Edition | None:
    """The report in this folder with its locks, those that it kept of an earlier one too; None where there is none.

    One that cannot be read is told: with it goes what it knew of the one before.
    """
    if not (folder / FILE).exists():
        return None
    try:
        found = edition(str(folder), folder, "")
    except UsageError as error:
        lost = "what changed since is not told, nor what searches had found"
        warn(f"the report that this one replaces cannot be read, so {lost}: {error}")
        return None
    earlier = {}
    for name in _earlier_locks(found.results):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            earlier[name] = (folder / name).read_text(encoding="utf-8")
    return replace(found, locks={**found.locks, **earlier}, last=found.results.last)


def named_locks(results: Results) -> set[str]:
    """The locks that a report names, of every kind."""
    named = [one for environment in results.environments for one in (environment.lock, environment.pylock)]
    named += [one.lock for one in results.remedies]
    return {*filter(None, named), *_earlier_locks(results)}


def _earlier_locks(results: Results) -> set[str]:
    moved = results.changes.moved if results.changes is not None else ()
    return set(filter(None, (*(one.lock for one in moved), *(one.environment.lock for one in results.last))))
