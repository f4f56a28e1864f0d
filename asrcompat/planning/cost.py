"""What a run will fetch and hold, told before it starts: by its locks, so each file counts once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from asrcompat.report.words import plural

# Bytes on disk for one that is fetched: 1.80 to 1.82 in seven environments with torch 2.8.0, bytecode included.
_UNPACKED = 1.8


def told_cost(files: Iterable[Mapping[str, int | None]]) -> str:
    """How much the environments with these files fetch where nothing is cached, and what that takes on the disk."""
    every = {name: size for each in files for name, size in each.items()}
    fetched = sum(size or 0 for size in every.values()) / 1e9
    unknown = sum(not size for size in every.values())
    torches = sorted(name for name in every if name.startswith("torch=="))
    return (
        f"{plural(len(torches), 'torch stack')}; {plural(len(every), 'distribution')}, {fetched:.1f} GB to fetch where "
        "nothing is cached"
        + (f" and {unknown} of unknown size" if unknown else "")
        + f", about {fetched * _UNPACKED:.0f} GB on the disk"
    )
