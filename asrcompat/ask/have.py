"""What a person has: a file of requirements, or an environment that is there."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from asrcompat.advice.question import OTHER_S3PRL, Wanted
from asrcompat.doctor.look import look
from asrcompat.errors import UsageError

_LOCAL = re.compile(r"\+[\w.]+")  # a build of a release is no other release
_MINOR = re.compile(r"\d+\.\d+")
_NO_RELEASE = re.compile(r"-|\.{0,2}/|\w+\+?\w*://")  # another file, a folder, an address
_COMMENT = re.compile(r"(^|\s)#.*$")


def from_file(file: Path, *, python: str | None = None) -> tuple[dict[str, Wanted], list[str]]:
    """The releases that a file of requirements names, by axis or distribution, for this `python` if it is a version.

    And the lines that were passed over, each with its number.

    What names no release (an address, a folder, another file) and what is for other platforms says nothing here. Raises
    `UsageError` for a file that cannot be read, or a line that is no requirement.
    """
    found = {}
    passed_over = []
    here = {"python_version": python, "python_full_version": python} if python and _MINOR.fullmatch(python) else None
    for number, line in _lines(file):
        if _NO_RELEASE.match(line):
            passed_over.append(f"line {number}: {line}")
            continue
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            message = (
                f"--have {file}, line {number}: {line!r} is no requirement ({str(error).splitlines()[0]}); "
                "write it as in 'transformers==4.57.6', or leave it out"
            )
            raise UsageError(message) from error
        if requirement.url is not None or (requirement.marker is not None and not requirement.marker.evaluate(here)):
            passed_over.append(f"line {number}: {line}")
            continue
        name = canonicalize_name(requirement.name)
        versions = SpecifierSet(_LOCAL.sub("", str(requirement.specifier)))
        found[_key(name)] = Wanted(
            text=f"{name} {_told(requirement.specifier)}".strip(), distribution=name, versions=versions
        )
    return found, passed_over


def from_environment(place: Path) -> dict[str, Wanted]:
    """What is installed in an environment (its folder, or its python), and its Python."""
    try:
        patient = look(place)
    except UsageError as error:
        raise UsageError(str(error).replace("--python", "--have-env")) from error
    minor = ".".join(patient.version.split(".")[:2])
    found = {"python": Wanted(text=f"python {minor}", distribution="python", versions=SpecifierSet(f"=={minor}.*"))}
    for name, one in patient.installed.items():
        with contextlib.suppress(InvalidVersion):  # a system's own packages may have any
            version = Version(one.version).public
            found[_key(name)] = Wanted(
                text=f"{name} {one.version}", distribution=name, versions=SpecifierSet(f"=={version}")
            )
    return found


def _key(name: str) -> str:
    """The axis, where a distribution is on one."""
    return "s3prl" if name == OTHER_S3PRL else name


def _told(versions: SpecifierSet) -> str:
    """One version as such, bounds as they are."""
    text = str(versions)
    return text.removeprefix("==") if text.startswith("==") and "," not in text else text


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """The requirements with their line's number, without comments, hashes and where to look for them."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        message = f"--have {file}: cannot be read: {why}; name a file of requirements such as requirements.txt"
        raise UsageError(message) from error
    whole = ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = _COMMENT.sub("", raw).rstrip()
        whole += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        requirement = re.split(r"\s--?\w", whole.strip())[0].strip()
        whole = ""
        if requirement and not requirement.startswith("--"):  # where to look is not what
            yield number, requirement
