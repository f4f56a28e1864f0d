"""What may count: a verdict is admitted with evidence that it ran, in the environment that it is told of.

A cell without that is the harness's fault, and no news about a package. It is published as an error with the reason
why it was refused, so that one such cell costs neither the others their report nor the run its honest exit code.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from asrcompat.model import Cell, Environment, EnvironmentResult, Outcome
from asrcompat.report.check import BUILDING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_COMPARABLE_BUILD = re.compile(r"cpu|cu\d+")


def admit(result: EnvironmentResult) -> EnvironmentResult:
    """Replace each verdict that proves nothing by an error that says why; admitting again changes nothing."""
    return dataclasses.replace(result, cells=tuple(_admitted(result.environment, cell) for cell in result.cells))


def disagreements(environment: Environment, versions: Mapping[str, str]) -> Iterator[str]:
    """Where what a probe read is not the environment's; the local parts of packages' versions (``+cpu``) may differ."""
    read = {canonicalize_name(name): version for name, version in versions.items()}
    for name, locked in environment.packages.items():
        found = read.get(canonicalize_name(name))
        if found is None:
            yield f"the probe read no version of {name}, which is locked to {locked}"
        elif _public(found) != _public(locked):
            yield f"the probe read {name} {found}, where {locked} is locked"
    python = read.get(canonicalize_name("python"))
    # An environment that names a minor version only (3.10) is content with any patch of it.
    if python is not None and not f"{python}.".startswith(f"{environment.python}."):
        yield f"the probe ran on Python {python}, where {environment.python} was asked for"
    yield from _of_builds(environment)


def _of_builds(environment: Environment) -> Iterator[str]:
    """Where torch was not compiled for what its lock says; builds that are neither CPU nor CUDA can't be compared."""
    locked = environment.torch_build
    if locked is None or "cuda" not in environment.build or not _COMPARABLE_BUILD.fullmatch(locked):
        return
    cuda = environment.build["cuda"]
    found = "cpu" if cuda is None else f"cu{str(cuda).replace('.', '')}"
    if found != locked:
        yield f"the probe imported torch's build {found}, where {locked} is locked"


def _admitted(environment: Environment, cell: Cell) -> Cell:
    reasons = "; ".join(_refusals(environment, cell))
    if not reasons:
        return cell
    # Stage, checks and measurements belong to the verdict that is refused; the evidence shows why it was.
    return Cell(
        environment=cell.environment,
        path=cell.path,
        device=cell.device,
        outcome=Outcome.ERROR,
        message=f"refused: {reasons}",
        evidence=cell.evidence,
    )


def _refusals(environment: Environment, cell: Cell) -> Iterator[str]:
    # An error claims nothing that could be refused, and its own message is the one to keep.
    if cell.outcome is Outcome.ERROR:
        return
    if cell.evidence:
        yield from disagreements(environment, cell.evidence.versions)
    elif _needs_evidence(cell):
        yield f"{cell.outcome} without evidence that it ran"
    else:
        yield from _of_builds(environment)


def _needs_evidence(cell: Cell) -> bool:
    return cell.outcome in (Outcome.WORKS, Outcome.UNSTABLE) or (
        cell.outcome is Outcome.BROKEN and (cell.failed or cell.stage) not in BUILDING
    )


def _public(version: str) -> Version | str:
    try:
        return Version(Version(version).public)
    except InvalidVersion:
        return version.partition("+")[0]
