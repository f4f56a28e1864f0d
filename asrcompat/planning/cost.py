"""What a run will fetch and hold, told before it starts: by its locks, so each file counts once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from asrcompat.report.words import plural

# Bytes on disk for one that is fetched: 1.80 to 1.82 in seven environments with torch 2.8.0, bytecode included.
_UNPACKED = 1.8


def told_cost(files: Iterable[Mapping[str, int | None]]) -> str:
    """How much the environments with these files fetch where nothing is cached, and what that takes on the disk."""
    found = cost(files)
    return (
        f"{plural(found['torch_stacks'], 'torch stack')}; {plural(found['distributions'], 'distribution')}, "
        f"{found['fetched_gb']:.1f} GB to fetch where nothing is cached"
        + (f" and {found['of_unknown_size']} of unknown size" if found["of_unknown_size"] else "")
        + f", about {found['disk_gb']:.0f} GB on the disk"
    )


def cost(files: Iterable[Mapping[str, int | None]]) -> dict[str, Any]:
    """The same as numbers: each file counts once."""
    every = {name: size for each in files for name, size in each.items()}
    fetched = sum(size or 0 for size in every.values()) / 1e9
    return {
        "torch_stacks": sum(name.startswith("torch==") for name in every),
        "distributions": len(every),
        "fetched_gb": round(fetched, 3),
        "of_unknown_size": sum(not size for size in every.values()),
        "disk_gb": round(fetched * _UNPACKED, 3),
    }
