"""What a person asks: versions they want, versions they have, and the ways in which the checkpoint has to load."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from asrcompat.errors import UsageError

AXES = ("python", "torch", "torchaudio", "transformers", "s3prl", "espnet")
MAIN_PATHS = ("transformers", "s3prl-hf", "espnet-s3prl")
"""The ways that people take most: what is meant where no path is named."""

OTHER_S3PRL = "espnet-s3prl"
"""The other distribution that provides S3PRL's import name: of an environment's two, it has one."""

_ANY = re.compile(r"(\.[*x]|\+[\w.]+)$")  # said of any later part, or of a build, which is no other release
_BUILD = re.compile(r"\+[\w.]+")
_YEAR = re.compile(r"20\d\d")  # of ESPnet's releases, which are called by year and month
_RELEASE = re.compile(r"\d+(\.\w+)*")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A distribution (or ``python``) in certain versions; `text` is what was said."""

    text: str
    distribution: str
    versions: SpecifierSet

    def holds(self, version: str | None) -> bool:
        """Whether a version is one of these; None is of a distribution that is not there."""
        try:
            return version is not None and self.versions.contains(version, prereleases=True)
        except InvalidVersion:  # what a package says of itself may be anything
            return False


@dataclass(frozen=True, kw_only=True)
class Question:
    """`wants` by axis has to hold; `have` by distribution had better stay. Every path has to work on every device."""

    wants: Mapping[str, Wanted] = field(default_factory=dict)
    have: Mapping[str, Wanted] = field(default_factory=dict)
    paths: tuple[str, ...] = MAIN_PATHS
    devices: tuple[str, ...] = ("cpu",)


def wanted(axis: str, text: str) -> Wanted:
    """What ``2.6`` (that and every 2.6.x), ``>=2.6,<2.9`` or, of s3prl, ``espnet-s3prl`` with or without these means.

    Of espnet, ``2025`` means every release of that year.

    Raises `UsageError` for anything else, naming the option.
    """
    said = text.strip()
    distribution, rest = axis, said
    if axis == "s3prl" and said.startswith(OTHER_S3PRL):
        distribution, rest = OTHER_S3PRL, said.removeprefix(OTHER_S3PRL).strip()
    release = _ANY.sub("", rest)
    try:
        if axis == "espnet" and _YEAR.fullmatch(release):
            versions: SpecifierSet | None = SpecifierSet(f">={release}00,<{int(release) + 1}00")
        else:
            versions = SpecifierSet(f"=={release}.*" if _RELEASE.fullmatch(release) else _BUILD.sub("", rest))
    except InvalidSpecifier:
        versions = None
    if versions is None or not said:
        examples = "a version such as 2.6 or 2.6.0, or bounds such as '>=2.6,<2.9'"
        also = f", or {OTHER_S3PRL} with or without one" if axis == "s3prl" else ""
        message = f"--{axis} {text!r}: give {examples}{also}"
        raise UsageError(message)
    return Wanted(text=f"{distribution} {rest}".strip(), distribution=distribution, versions=versions)
