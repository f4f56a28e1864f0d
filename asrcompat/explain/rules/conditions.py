"""Conditions on the versions of one package, of which a rule is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from packaging.version import Version

Versions = Mapping[str, str]  # by distribution name, and "python"


_parsed = cache(Version)  # a search for rules compares the same few versions over and over


class Kind(StrEnum):
    """What is asked of the package's version."""

    PRESENT = "present"
    ABSENT = "absent"
    FROM = "from"
    UP_TO = "up to"


@dataclass(frozen=True, kw_only=True, order=True)
class Condition:
    """Something that a set of installed versions fulfils or not; `version` is None for presence and absence."""

    package: str
    kind: Kind
    version: str | None = None

    def holds(self, versions: Versions) -> bool:
        """Whether an environment with these versions fulfils it."""
        return self.admits(versions.get(self.package))

    def admits(self, installed: str | None) -> bool:
        """Whether this version of the package fulfils it; None where it is not installed."""
        if installed is None or self.kind is Kind.ABSENT:
            return self.kind is Kind.ABSENT and installed is None
        if self.version is None:
            return True
        mine, bound = _parsed(installed), _parsed(self.version)
        return mine >= bound if self.kind is Kind.FROM else mine <= bound

    def __str__(self) -> str:
        """As a person would write it: ``torchaudio >= 2.9``."""
        if self.version is None:
            return f"{self.package} {'installed' if self.kind is Kind.PRESENT else 'not installed'}"
        return f"{self.package} {'>=' if self.kind is Kind.FROM else '<='} {self.version}"


def narrowest(package: str, failing: Iterable[Versions]) -> tuple[Condition, ...]:
    """The conditions on a package that every failing environment fulfils and that exclude the most others.

    From the most general to the most special: presence before bounds.
    """
    installed = [versions.get(package) for versions in failing]
    if all(version is None for version in installed):
        return (Condition(package=package, kind=Kind.ABSENT),)
    known = sorted((version for version in installed if version is not None), key=_parsed)
    if len(known) < len(installed):
        return ()
    return (
        Condition(package=package, kind=Kind.PRESENT),
        Condition(package=package, kind=Kind.FROM, version=known[0]),
        Condition(package=package, kind=Kind.UP_TO, version=known[-1]),
    )
