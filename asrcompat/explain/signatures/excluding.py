"""Whether requirements on one package exclude each other: of no version that there could be does it meet both."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version


def exclude(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether no version meets one of the first and one of the second; that one may never be released is not seen."""
    return all(_exclude(one, other) for one, other in itertools.product(first, second))


def _exclude(*requirements: str) -> bool:
    both = [Requirement(one).specifier for one in requirements]
    return not any(
        all(specifier.contains(version, prereleases=True) for specifier in both) for version in _about(*both)
    )


def _about(*specifiers: SpecifierSet) -> Iterator[Version]:
    """Of every stretch between the versions that are named one: each of them, and what is just above and just below."""
    yield Version("1")
    for one in (one for specifier in specifiers for one in specifier):
        try:
            named = Version(one.version.removesuffix(".*"))
        except InvalidVersion:
            continue
        *kept, last = named.release
        yield from (named, Version(named.base_version), _numbered(named, [*kept, last, 0, 0, 1]))
        yield _numbered(named, [*kept, last + 1])
        while kept and last == 0:
            last = kept.pop()
        if last > 0:
            yield _numbered(named, [*kept, last - 1, 99999])


def _numbered(named: Version, release: list[int]) -> Version:
    return Version(f"{named.epoch}!{'.'.join(map(str, release))}")
