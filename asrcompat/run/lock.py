"""A lock: the complete, hashed list of distributions of one environment, as uv resolved it (PEP 751)."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

_REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9][\w.-]*)==(?P<version>[^\s\\;]+)", re.MULTILINE)
AXIS_DISTRIBUTIONS = ("torch", "torchaudio", "transformers", "s3prl", "espnet-s3prl", "espnet")


@dataclass(frozen=True)
class Lock:
    """The text of a ``pylock.toml`` and what can be read from it."""

    text: str

    @classmethod
    def read(cls, file: Path) -> Lock:
        """The lock in a file; raises `OSError` where that cannot be read, `ValueError` where it is torn or no lock."""
        lock = cls(file.read_text(encoding="utf-8"))
        try:
            if not lock.versions or not lock.sha256:
                raise ValueError("it names no distribution")
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is no lock ({error!r})") from error
        return lock

    @cached_property
    def _packages(self) -> list[dict[str, Any]]:
        packages: list[dict[str, Any]] = tomllib.loads(self.text).get("packages", [])
        return packages

    @cached_property
    def versions(self) -> dict[str, str]:
        """Version by normalised distribution name."""
        return {canonicalize_name(one["name"]): one.get("version", "0") for one in self._packages}

    @property
    def axis_versions(self) -> dict[str, str]:
        """Versions of the axis packages, by distribution name."""
        return {name: self.versions[name] for name in AXIS_DISTRIBUTIONS if name in self.versions}

    @property
    def sizes(self) -> dict[str, int | None]:
        """Bytes of the file to install, by ``name==version``; None where the index does not tell."""
        return {_requirement(one): next(_files(one), {}).get("size") for one in self._packages}

    @property
    def sources(self) -> tuple[str, ...]:
        """What has to be built, as ``name==version``: of these the lock has no wheel."""
        return tuple(_requirement(one) for one in self._packages if "sdist" in one and not one.get("wheels"))

    @property
    def download(self) -> str:
        """How much an empty cache would have to fetch, in words; indexes do not tell every file's size."""
        sizes = list(self.sizes.values())
        told = sum(size for size in sizes if size is not None) / 1e9
        unknown = sizes.count(None)
        return f"{told:.1f} GB" + (f" and {unknown} of unknown size" if unknown else "")

    def larger_than(self, size: int) -> tuple[str, ...]:
        """The distributions of which a file is larger than this, in bytes; one whose size no index tells is not."""
        return tuple(
            canonicalize_name(name.partition("==")[0]) for name, bytes_ in self.sizes.items() if (bytes_ or 0) > size
        )

    @cached_property
    def sha256(self) -> str:
        """Identity: names, versions and hashes, and nothing that an index may tell one day and not the next."""
        return hashlib.sha256(self.requirements().encode()).hexdigest()

    @property
    def torch_build(self) -> str | None:
        """``cpu``, or the CUDA version of torch's build ("cu126") as its distributions tell; None without torch."""
        torch = self.versions.get("torch")
        if torch is None:
            return None
        if (local := Version(torch).local) is not None:
            return local
        for name, version in self.versions.items():
            if re.fullmatch(r"nvidia-cuda-runtime(-cu\d+)?", name):
                release = Version(version).release
                return f"cu{release[0]}{release[1]}"
        return "cpu"

    def requirements(self, *, extra_index: str | None = None) -> str:
        """The same lock as requirements text with hashes, which pip and uv install."""
        lines = ["# Installs with: uv pip sync FILE, or pip install --no-deps --require-hashes -r FILE"]
        if extra_index is not None:
            lines += [
                "# uv takes --index-strategy unsafe-best-match for the second index",
                f"--extra-index-url {extra_index}",
            ]
        for one in sorted(self._packages, key=lambda one: str(canonicalize_name(one["name"]))):
            hashes = sorted(
                {f"--hash={name}:{value}" for file in _files(one) for name, value in file["hashes"].items()}
            )
            lines.append(" \\\n    ".join([_requirement(one), *hashes]))
        return "\n".join(lines) + "\n"


def versions_of(text: str) -> dict[str, str]:
    """Version by normalised distribution name, of a lock's requirements text; those given by a URL have none there."""
    return {canonicalize_name(one["name"]): one["version"] for one in _REQUIREMENT.finditer(text)}


def _files(package: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Wheels first: they are what is installed where there is one."""
    yield from package.get("wheels", ())
    if "sdist" in package:
        yield package["sdist"]
    if "archive" in package:
        yield package["archive"]


def _requirement(package: Mapping[str, Any]) -> str:
    archive = package.get("archive")
    if archive is not None:
        return f"{package['name']} @ {archive.get('url') or archive.get('path')}"
    return f"{package['name']}=={package['version']}"
