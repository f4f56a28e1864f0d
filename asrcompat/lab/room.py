"""Whether the disk has room for another torch: nothing else that a change installs comes near it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import psutil

from asrcompat.lab.change import Change

ROOM_GB = 12  # what another torch with all that comes along takes at most


def brings_torch(changes: Sequence[Change]) -> bool:
    """Whether changes install another torch, which is gigabytes."""
    return any(one.kind == "axis" and one.parts[0] in ("torch", "python") for one in changes)


def too_full(work: Path) -> str | None:
    """Why the disk of a work folder takes no further torch; None where it does."""
    free = psutil.disk_usage(str(work)).free / 1e9
    if free >= ROOM_GB:
        return None
    return f"that installs another torch, and {free:.0f} GB of disk are free, not {ROOM_GB}"
