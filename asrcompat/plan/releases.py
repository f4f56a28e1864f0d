"""The releases of a package, as its index tells them: for every Python, with what a resolver goes by.

An index asked by an installer shows the releases for one Python; asked for its page, it tells of all. Pages are kept
and asked for again by ETag, so that an unchanged one costs a small answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import requests
from cachecontrol import CacheControl
from cachecontrol.caches.file_cache import SeparateBodyFileCache
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, platform_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version
from pypi_simple import DistributionPackage, NoSuchProjectError, PyPISimple

from asrcompat.errors import HarnessError

DEFAULT_INDEX = "https://pypi.org/simple/"
_SECONDS = 60.0


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
        session = CacheControl(requests.Session(), cache=SeparateBodyFileCache(self._folder))
        try:
            with PyPISimple(self.url, session=session) as client:
                page = client.get_project_page(package, timeout=_SECONDS)
        except NoSuchProjectError:
            message = f"the index {self.url} has no package '{package}'"
            raise HarnessError(message) from None
        except (requests.RequestException, ValueError) as error:
            message = f"the index {self.url} gave no list of '{package}': {error}"
            raise HarnessError(message) from error
        return _releases(page.packages)


def for_python(
    releases: Iterable[Release], python: str, *, prereleases: bool = False, yanked: bool = False
) -> tuple[Release, ...]:
    """Those that an interpreter of this version can install; pre-releases and yanked ones only if asked for."""
    return tuple(
        release
        for release in releases
        if release.suits(python) and (prereleases or not release.prerelease) and (yanked or not release.yanked)
    )


def _releases(packages: Sequence[DistributionPackage]) -> tuple[Release, ...]:
    by_version: dict[str, list[DistributionPackage]] = {}
    for package in packages:
        if package.package_type in ("wheel", "sdist") and package.version is not None and _valid(package.version):
            by_version.setdefault(str(Version(package.version)), []).append(package)
    found = []
    for version in sorted(by_version, key=Version):
        of_version = by_version[version]
        files = tuple(file for package in of_version if (file := _file(package)) is not None)
        times = [package.upload_time for package in of_version if package.upload_time is not None]
        yanked = all(package.is_yanked for package in of_version)
        found.append(Release(version=version, files=files, yanked=yanked, uploaded=min(times, default=None)))
    return tuple(found)


def _file(package: DistributionPackage) -> File | None:
    try:
        asked = SpecifierSet(package.requires_python or "")
        tags = parse_wheel_filename(package.filename)[3] if package.package_type == "wheel" else frozenset()
    except (InvalidSpecifier, InvalidWheelFilename):
        return None  # installers pass such a file over
    return File(requires_python=asked, tags=tags, size=package.size)


def _valid(version: str) -> bool:
    try:
        Version(version)
    except InvalidVersion:
        return False
    return True


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
