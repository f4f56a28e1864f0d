"""The report that is about to be replaced, as it lies in its folder."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from asrcompat.errors import UsageError
from asrcompat.explain.changed import Edition
from asrcompat.history.source import edition


def replaced(folder: Path) -> Edition | None:
    """The report in this folder with its locks, those that it kept of an earlier one too; None where there is none."""
    if not folder.is_dir():
        return None
    try:
        found = edition(str(folder), folder, "")
    except UsageError:
        return None
    told = found.results.changes
    earlier = {}
    for name in (one.lock for one in told.moved) if told is not None else ():
        # a report may have come from anywhere
        if name is not None and Path(name).parent == Path("locks"):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                earlier[name] = (folder / name).read_text(encoding="utf-8")
    return replace(found, locks={**found.locks, **earlier})
