"""Whether what is installed agrees with its own metadata: the verdict *declared*, as ``pip check`` has it."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from asrcompat.doctor.patient import Patient


def conflicts(patient: Patient) -> Iterator[str]:
    """Every requirement of something installed that is not met, in a sentence."""
    markers = {name: str(value) for name, value in default_environment().items()}  # of this machine
    markers |= {"python_full_version": patient.version, "extra": ""}
    markers["python_version"] = ".".join(patient.version.split(".")[:2])
    for one in patient.installed.values():
        for text in one.requires:
            if (problem := _problem(text, patient, markers)) is not None:
                yield f"{one.name} {one.version} asks for {problem}"


def _problem(text: str, patient: Patient, markers: dict[str, str]) -> str | None:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return None
    if requirement.marker is not None and not requirement.marker.evaluate(markers):
        return None
    wanted = f"{requirement.name}{requirement.specifier}"
    found = patient.installed.get(canonicalize_name(requirement.name))
    if found is None:
        return f"{wanted}, which is not installed"
    try:
        version = Version(found.version)
    except InvalidVersion:
        return None
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return f"{wanted}, and {found.name} {found.version} is installed"
