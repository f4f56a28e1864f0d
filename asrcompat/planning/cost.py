"""What a run will fetch and hold, told before it starts: by its locks, so each file counts once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from asrcompat.plan.prepare import Sources, prepare
from asrcompat.plan.resolve import WORKERS
from asrcompat.report.words import plural
from asrcompat.run.lock import Lock
from asrcompat.run.session import Locked
from asrcompat.spec import Request

# Bytes on disk for one that is fetched: 1.80 to 1.82 in seven environments with torch 2.8.0, bytecode included.
_UNPACKED = 1.8


def locks_of(requests: Sequence[Request], sources: Sources) -> dict[str, Lock]:
    """The locks of the environments that have one, by the request's id; they are kept, and their sessions use them."""

    def one(request: Request) -> tuple[str, Lock | None]:
        _, source = prepare(request, sources)
        return request.id, source.lock if isinstance(source, Locked) else None

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return {name: lock for name, lock in pool.map(one, requests) if lock is not None}


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
