"""The releases of a package, as its index tells them: for every Python, with what a resolver goes by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags
from packaging.version import Version

DEFAULT_INDEX = "https://pypi.org/simple/"


@dataclass(frozen=True, kw_only=True)
class File:
    """One file of a release: a wheel with its tags, or a source distribution, which has none."""

    requires_python: SpecifierSet
    tags: frozenset[Tag]
    size: int | None

    def suits(self, python: str) -> bool:
        """Whether an interpreter of this version (X.Y or X.Y.Z) may install it on this machine."""
        if not self.requires_python.contains(python, prereleases=True):
            return False
        return not self.tags or not self.tags.isdisjoint(_tags(python))


@dataclass(frozen=True, kw_only=True)
class Release:
    """One version of a package. `uploaded` is when its first file came, where the index tells."""

    version: str
    files: tuple[File, ...]
    yanked: bool
    uploaded: datetime | None

    @property
    def prerelease(self) -> bool:
        """Whether its version says that it is none to use."""
        return Version(self.version).is_prerelease

    def suits(self, python: str) -> bool:
        """Whether an interpreter of this version may install any of its files on this machine."""
        return any(file.suits(python) for file in self.files)


class PackageIndex:
    """An index whose pages are kept in `folder`."""

    def __init__(self, url: str | None, folder: Path) -> None:
        self.url = url or DEFAULT_INDEX
        self._folder = folder

    def releases(self, package: str) -> tuple[Release, ...]:
        """All releases of a package, the oldest first.

        Raises `HarnessError` where the index does not answer, or does not know the package.
        """
        from asrcompat.plan import index_page  # noqa: PLC0415 - 0.3 s of imports, which a session never needs

        return index_page.releases(self.url, package, self._folder)


def for_python(
    releases: Iterable[Release], python: str, *, prereleases: bool = False, yanked: bool = False
) -> tuple[Release, ...]:
    """Those that an interpreter of this version can install; pre-releases and yanked ones only if asked for."""
    return tuple(
        release
        for release in releases
        if release.suits(python) and (prereleases or not release.prerelease) and (yanked or not release.yanked)
    )


@cache
def _tags(python: str) -> frozenset[Tag]:
    """The wheel tags that CPython of this version accepts on this machine."""
    version = tuple(int(part) for part in python.split(".")[:2])
    platforms = tuple(platform_tags())
    interpreter = "cp" + "".join(map(str, version))
    return frozenset(
        [
            *cpython_tags(python_version=version, platforms=platforms),
            *compatible_tags(python_version=version, interpreter=interpreter, platforms=platforms),
        ]
    )
