"""What clashes in a resolver's conflict: the requirements of different origin on one package that no version fulfils.

Or the one requirement that no release fulfils. uv tells a conflict as a chain of "Because A depends on X>=2 and B
depends on X<2, we can conclude that …".
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_DEPENDS = re.compile(
    r"(?P<who>[A-Za-z0-9][\w.+!-]*(?:\[[^\]]*\])?(?:[<>=!~][^\s]*)?) depends on (?P<what>[A-Za-z0-9][\w.-]*[^\s]*)"
)
_CONCLUDED = re.compile(r"we can conclude that .*?(?:\.(?=\s)|$)")  # follows from the rest, and says nothing new
_ABSENT = re.compile(r"there (?:is|are) no versions? of (?P<asked>[A-Za-z0-9][\w.-]*(?:[<>=!~][^\s,]*)?)")
_PYTHON = re.compile(r"the current Python version \((?P<version>[^)]+)\) does not satisfy (?P<asked>Python[^\s]+)")


@dataclass(frozen=True, kw_only=True)
class Demand:
    """Who asks for what; `who` is a release or a range of releases, `asks` a requirement."""

    who: str
    asks: str


@dataclass(frozen=True, kw_only=True)
class Clash:
    """Two demands on one package that cannot both be met."""

    package: str
    first: Demand
    second: Demand

    def __str__(self) -> str:
        """One sentence."""
        return (
            f"{self.first.who} asks for {self.first.asks}, {self.second.who} for {self.second.asks}: "
            f"no {self.package} fulfils both"
        )


@dataclass(frozen=True, kw_only=True)
class Absent:
    """A demand on a package that none of its releases meets."""

    package: str
    asks: str

    def __str__(self) -> str:
        """One sentence."""
        return f"{self.asks} is asked for: there is no such release of {self.package}"


def conflict_of(text: str) -> Clash | Absent | None:
    """Why uv found no solution: two requirements that clash, or one that no release fulfils; None if it is silent."""
    clash = clash_of(text)
    if clash is not None:
        return clash
    absent = _ABSENT.search(" ".join(text.split()))
    package = None if absent is None else _package(absent["asked"])
    return None if absent is None or package is None else Absent(package=package, asks=absent["asked"])


def clash_of(text: str) -> Clash | None:
    """The two requirements that clash in uv's explanation; None where it tells of no such pair."""
    flat = _CONCLUDED.sub("", " ".join(text.split()))
    python = _PYTHON.search(flat)
    demands = [Demand(who=one["who"], asks=one["what"].rstrip(",.;")) for one in _DEPENDS.finditer(flat)]
    if python is not None:
        asker = next((one for one in demands if one.asks == python["asked"].rstrip(",")), None)
        if asker is not None:
            here = Demand(who="this environment", asks=f"Python {python['version']}")
            return Clash(package="Python", first=asker, second=here)
    for first, second in itertools.combinations(demands, 2):
        package = _package(first.asks)
        # of two ranges of one distribution's releases only one is installed
        one_asker = (_package(first.who) or first.who) == (_package(second.who) or second.who)
        if package is not None and package == _package(second.asks) and not one_asker and _exclude(first, second):
            return Clash(package=package, first=first, second=second)
    return None


def _package(requirement: str) -> str | None:
    try:
        return canonicalize_name(Requirement(requirement).name)
    except InvalidRequirement:
        return None


def _exclude(first: Demand, second: Demand) -> bool:
    """Whether no version at all meets both; that a version between them was never released is not looked at."""
    both = [Requirement(one.asks).specifier for one in (first, second)]
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
