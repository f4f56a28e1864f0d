"""What clashes in a resolver's conflict: the requirements of different origin on one package that no version fulfils.

Or the one requirement that no release fulfils, or that has releases and no wheel for this Python or platform. uv tells
a conflict as a chain of "Because A depends on X>=2 and B depends on X<2, we can conclude that …".
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from asrcompat.explain.signatures.excluding import exclude

_NAME = r"[A-Za-z0-9][\w.-]*"
_ASKED = rf"{_NAME}(?:\[[^\]]*\])?(?:[<>=!~]\S*)?"
_WHO = rf"(?P<every>all versions of )?(?P<who>{_NAME}(?:\[[^\]]*\])?(?:[<>=!~]\S*)?)"
_RANGES = rf"(?:{_NAME}[<>=!~]\S*(?: |$))+"
_SENTENCE_ENDS = r"(?= (?:And because|Because)\b| ?$)"
_BOTH = rf"(?P<what>{_ASKED})(?: and (?P<more>{_ASKED}){_SENTENCE_ENDS})?"
_DEPENDS = re.compile(rf"{_WHO} depends? on (?:one of: (?P<either>{_RANGES})|{_BOTH})")
# What follows from the rest says nothing new; where it ends in a list, no full stop ends it.
_CONCLUDED = re.compile(r"we can conclude that .*?(?=\b(?:And b|B)ecause\b|$)")
_HINT = re.compile(r"\bhint: .*$")
_ABSENT = re.compile(rf"there (?:is|are) no versions? of (?P<asked>{_ASKED})")
_UNKNOWN = re.compile(rf"(?P<package>{_NAME}) was not found in")
_ONLY = re.compile(
    rf"only (?:the following versions of {_NAME} are available: (?P<ranges>{_RANGES})|(?P<range>{_ASKED}) is available)"
)
_NO_WHEEL = re.compile(
    rf"{_WHO} ha(?:s|ve) no wheels with a matching (?P<tag>[\w ]+ tag)(?: \(e\.g\., `(?P<example>[^`]+)`\))?"
)
_PYTHON = re.compile(r"the current Python version \((?P<version>[^)]+)\) does not satisfy (?P<asked>Python[^\s]+)")


@dataclass(frozen=True, kw_only=True)
class Demand:
    """Who asks for what: a release or a range of releases for a requirement, or for `either` of several."""

    who: str
    asks: str
    every: bool = False
    either: tuple[str, ...] = ()

    @property
    def asker(self) -> str:
        """The canonical name of the distribution that asks, ``environment`` for what was asked for itself."""
        return _package(self.who) or self.who

    @property
    def ranges(self) -> tuple[str, ...]:
        """The requirements of which one has to be met."""
        return self.either or (self.asks,)

    def __str__(self) -> str:
        """Who asks, in words."""
        return f"every {self.who}" if self.every else self.who


@dataclass(frozen=True, kw_only=True)
class Clash:
    """Two demands on one package that cannot both be met."""

    package: str
    first: Demand
    second: Demand

    @property
    def askers(self) -> frozenset[str]:
        """The canonical names of the two that ask."""
        return frozenset({self.first.asker, self.second.asker})

    def __str__(self) -> str:
        """One sentence."""
        return (
            f"{self.first} asks for {self.first.asks}, {self.second} for {self.second.asks}: "
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


@dataclass(frozen=True, kw_only=True)
class NoWheel:
    """A demand on a package whose releases have no wheel for this Python or platform."""

    package: str
    asks: str
    tag: str

    def __str__(self) -> str:
        """One sentence."""
        return f"{self.asks} is asked for: it has no wheel of a matching {self.tag}"


Conflict = Clash | Absent | NoWheel


def conflict_of(text: str) -> Conflict | None:
    """Why uv found no solution: two requirements that clash, or one that nothing fulfils; None if it is silent."""
    flat = _premises(text)
    demands = list(_demands(flat))
    return _clash(flat, demands) or _no_wheel(flat) or _absent(flat, demands)


def clash_of(text: str) -> Clash | None:
    """The two requirements that clash in uv's explanation; None where it tells of no such pair."""
    flat = _premises(text)
    return _clash(flat, list(_demands(flat)))


def _premises(text: str) -> str:
    """What uv concludes from, on one line."""
    return _CONCLUDED.sub("", _HINT.sub("", " ".join(text.split())))


def _demands(flat: str) -> Iterator[Demand]:
    for one in _DEPENDS.finditer(flat):
        who, every = one["who"], one["every"] is not None
        if one["either"]:
            either = tuple(each.rstrip(",.;") for each in one["either"].split())
            yield Demand(who=who, asks=" or ".join(either), every=every, either=either)
        for asks in filter(None, (one["what"], one["more"])):
            yield Demand(who=who, asks=asks.rstrip(",.;"), every=every)


def _clash(flat: str, demands: list[Demand]) -> Clash | None:
    python = _PYTHON.search(flat)
    if python is not None:
        asker = next((one for one in demands if one.asks == python["asked"].rstrip(",")), None)
        if asker is not None:
            here = Demand(who="this environment", asks=f"Python {python['version']}")
            return Clash(package="Python", first=asker, second=here)
    for first, second in itertools.combinations(demands, 2):
        package = _package(first.ranges[0])
        # of two ranges of one distribution's releases only one is installed
        if package is None or package != _package(second.ranges[0]) or first.asker == second.asker:
            continue
        if exclude(first.ranges, second.ranges):
            return Clash(package=package, first=first, second=second)
    return None


def _no_wheel(flat: str) -> NoWheel | None:
    found = _NO_WHEEL.search(flat)
    package = None if found is None else _package(found["who"])
    if found is None or package is None:
        return None
    tag = found["tag"] + (f" (such as {found['example']})" if found["example"] else "")
    return NoWheel(package=package, asks=found["who"], tag=tag)


def _absent(flat: str, demands: list[Demand]) -> Absent | None:
    absent = _ABSENT.search(flat)
    if absent is not None and (package := _package(absent["asked"])) is not None:
        return Absent(package=package, asks=absent["asked"])
    for one in demands:
        package = _package(one.ranges[0])
        if package is not None and _unmet(package, one, flat):
            return Absent(package=package, asks=one.asks)
    return None


def _unmet(package: str, demand: Demand, flat: str) -> bool:
    """Whether uv says that there is no release at all, or names those that there are and none of them is meant."""
    if any(_package(one["package"]) == package for one in _UNKNOWN.finditer(flat)):
        return True
    told = [(one["ranges"] or one["range"]).split() for one in _ONLY.finditer(flat)]
    return any(_package(ranges[0]) == package and exclude(ranges, demand.ranges) for ranges in told)


def _package(requirement: str) -> str | None:
    try:
        return canonicalize_name(Requirement(requirement.rstrip(",.;")).name)
    except InvalidRequirement:
        return None
