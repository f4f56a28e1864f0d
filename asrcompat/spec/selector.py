"""Words for releases that only an index can number: which of a package's releases a covering profile takes.

A selector is a list in one text, separated by commas: bounds by PEP 440, and what to take of the releases within them.

- ``2.3.1``: this release;
- ``lowest``, ``newest``: the first and the last one;
- ``newest 3``: the last three; ``newest 3 minors``: the last of each of the last three series X.Y;
- ``4 between``: four between the first and the last one, evenly spaced among them;
- bounds alone (``>=0.4.10``): all of them.

``>=2.1, lowest, newest, 2 between`` takes four releases, none of them older than 2.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from .problems import fault

_WORDS = '">=2.1", "2.3.1", "lowest", "newest", "newest 3", "newest 3 minors" or "4 between"'
Pick = Callable[[Sequence[str]], Iterable[str]]


@dataclass(frozen=True, kw_only=True)
class Selector:
    """What to take of a package's releases; `named` are those that are asked for by their number."""

    bounds: SpecifierSet
    picks: tuple[Pick, ...]
    named: tuple[str, ...] = ()

    def select(self, releases: Sequence[str]) -> tuple[str, ...]:
        """The versions taken of these, each once, the oldest first; `releases` are in that order."""
        within = [one for one in releases if self.bounds.contains(one, prereleases=True)]
        taken = {one for pick in self.picks for one in pick(within)} if within else set()
        return tuple(one for one in within if one in taken)


def selector(text: str) -> Selector:
    """Read a selector; raises the fault (`problems.fault`) of what is none."""
    bounds, picks = [], []
    parts = [one.strip() for one in text.split(",")]
    for part in parts:
        if part[:1] in tuple("<>=!~"):
            bounds.append(part)
        else:
            picks.append(_pick(part, text))
    try:
        within = SpecifierSet(",".join(bounds))
    except InvalidSpecifier:
        message = f"'{', '.join(bounds)}' are no bounds of versions"
        raise fault(message, 'write them by PEP 440, such as ">=2.1"') from None
    named = tuple(str(Version(part)) for part in parts if _is_version(part))
    return Selector(bounds=within, picks=tuple(picks) or (list,), named=named)


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _pick(part: str, text: str) -> Pick:
    """What a word takes."""
    for pattern, pick in _PICKS:
        match = re.fullmatch(pattern, part)
        if match is not None:
            return partial(pick, *map(int, match.groups()))
    try:
        version = Version(part)
    except InvalidVersion:
        message = f"'{part}' says nothing of releases" if part else f"a part of '{text}' is empty"
        raise fault(message, f"write one of {_WORDS}") from None
    return partial(_same, version)


def _same(version: Version, releases: Sequence[str]) -> Iterator[str]:
    return (one for one in releases if Version(one) == version)


def _lowest(releases: Sequence[str]) -> Sequence[str]:
    return releases[:1]


def _newest(count: int, releases: Sequence[str]) -> Sequence[str]:
    return releases[-count:]


def _minors(count: int, releases: Sequence[str]) -> Sequence[str]:
    """The last one of each of the last series."""
    last = {Version(one).release[:2]: one for one in sorted(releases, key=Version)}
    return list(last.values())[-count:]


def _between(count: int, releases: Sequence[str]) -> Iterator[str]:
    """Some between the ends; all where there are no more."""
    inner = releases[1:-1]
    steps = min(count, len(inner))
    return (inner[(2 * step + 1) * len(inner) // (2 * steps)] for step in range(steps))


_PICKS: tuple[tuple[str, Callable[..., Iterable[str]]], ...] = (
    (r"lowest", _lowest),
    (r"newest", partial(_newest, 1)),
    (r"newest ([1-9]\d*)", _newest),
    (r"newest ([1-9]\d*) minors?", _minors),
    (r"([1-9]\d*) between", _between),
)
