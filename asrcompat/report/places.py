"""Which cells, with links to each: what `where` says in text alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from asrcompat.report.grid import Entry, Target
from asrcompat.report.where import Key, label

_LISTED = 3  # of fewer environments, which are all, each is linked to all the same


@dataclass(frozen=True, kw_only=True)
class Place:
    """Paths, and the environments in which something was seen, each linked to its cell; or that these were `all`."""

    label: str
    environments: tuple[Entry, ...]
    all: int = 0


def places(
    keys: Iterable[Key], numbers: Mapping[str, int], cells: Mapping[Key, Target], *, among: Iterable[Key] = ()
) -> Iterator[Place]:
    """First the paths that are there in all their environments `among` others, those of one number together."""
    seen, whole = _by_label(keys), _by_label(among)
    complete: dict[int, list[str]] = {}
    for name, own in seen.items():
        if len(own) >= _LISTED and own == whole.get(name):
            complete.setdefault(len(own), []).append(name)
    for count, names in complete.items():
        yield Place(label=", ".join(names), environments=(), all=count)
    for name, own in seen.items():
        if name not in complete.get(len(own), ()):
            entries = (Entry(text=str(numbers.get(key[0], key[0])), target=cells.get(key)) for key in own)
            yield Place(label=name, environments=tuple(entries))


def _by_label(keys: Iterable[Key]) -> dict[str, dict[Key, None]]:
    seen: dict[str, dict[Key, None]] = {}
    for key in keys:
        seen.setdefault(label(key[1], key[2]), {})[key] = None
    return seen
