"""Whether a run may be made here: what matrix.toml leaves out is not, nor another torch where the disk has no room."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from asrcompat.lab.change import Change
from asrcompat.lab.variant import variant
from asrcompat.spec import Request, Spec, matches

ROOM_GB = 12  # what another torch with all that comes along takes at most


def excluded(spec: Spec, request: Request, changes: Sequence[Change]) -> str | None:
    """Why matrix.toml leaves out what the changes make of a request; None where it does not."""
    wanted = variant(request, changes, spec.pins)
    reason = next((rule.reason for rule in spec.exclude if matches(rule.when, wanted)), None)
    return None if reason is None else f"excluded by matrix.toml: {reason}"


def brings_torch(changes: Sequence[Change]) -> bool:
    """Whether changes install another torch, which is gigabytes."""
    return any(one.kind == "axis" and one.parts[0] in ("torch", "python") for one in changes)


def too_full(work: Path) -> str | None:
    """Why the disk of a work folder takes no further torch; None where it does."""
    free = shutil.disk_usage(work).free / 1e9
    if free >= ROOM_GB:
        return None
    return f"that installs another torch, and {free:.0f} GB of disk are free, not {ROOM_GB}"
