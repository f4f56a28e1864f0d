"""An index's page of one package, read into its releases.

An index asked by an installer shows the releases for one Python; asked for its page, it tells of all. Pages are kept
and asked for again by ETag, so that an unchanged one costs a small answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import requests
from cachecontrol import CacheControl
from cachecontrol.caches.file_cache import SeparateBodyFileCache
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import InvalidVersion, Version
from pypi_simple import DistributionPackage, NoSuchProjectError, PyPISimple

from asrcompat.errors import HarnessError
from asrcompat.plan.releases import File, Release

_SECONDS = 60.0


def releases(url: str, package: str, folder: Path) -> tuple[Release, ...]:
    """All releases of a package, the oldest first; `folder` keeps the pages.

    Raises `HarnessError` where the index does not answer, or does not know the package.
    """
    session = CacheControl(requests.Session(), cache=SeparateBodyFileCache(folder))
    try:
        with PyPISimple(url, session=session) as client:
            page = client.get_project_page(package, timeout=_SECONDS)
    except NoSuchProjectError:
        message = f"the index {url} has no package '{package}'"
        raise HarnessError(message) from None
    except (requests.RequestException, ValueError) as error:
        message = f"the index {url} gave no list of '{package}': {error}"
        raise HarnessError(message) from error
    return _releases(page.packages)


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
