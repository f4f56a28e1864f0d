"""The one environment that would tell explanations apart: one that was run, with one thing about it changed.

Only versions that were seen are moved to, so that they are known to exist; torchaudio goes along with torch. What the
resolver makes of a move is seen only by the run: the prediction is for what moves and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from packaging.version import Version

from asrcompat.explain.rules.conditions import Versions
from asrcompat.explain.rules.search import Explanation, Observation
from asrcompat.spec import torchaudio_for
from asrcompat.spec.fields import AXIS_DISTRIBUTIONS, FORK

_S3PRL = ("s3prl", FORK)
_AXES = ("python", *AXIS_DISTRIBUTIONS)


@dataclass(frozen=True, kw_only=True)
class Move:
    """A change in the form of the laboratory's: ``axis`` s3prl=0.4.15, ``pin`` six==1.16.0, ``extra`` six==1.16.0."""

    kind: Literal["axis", "pin", "extra"]
    value: str


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A run to make: `environment` with `moves`.

    `fails` are the places of the explanations by which it would fail, `passes` of the others: whatever comes out,
    one of the two sides is refuted.
    """

    environment: str
    moves: tuple[Move, ...]
    fails: tuple[int, ...]
    passes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class _Variant:
    """Moves, and the versions after them as far as they can be foretold."""

    moves: tuple[Move, ...]
    versions: Versions


def discriminating(explanations: Sequence[Explanation], observations: Sequence[Observation]) -> Experiment | None:
    """The experiment that leaves the fewest explanations in the worse case.

    Of equal ones that which singles out an earlier explanation, then that with the fewer moves. None where no move
    tells any two of them apart: they stand or fall together.
    """
    best: tuple[tuple[int, ...], Experiment] | None = None
    for place, base in enumerate(observations):
        for variant in _variants(base, explanations, observations):
            predicted = [one.holds(variant.versions) for one in explanations]
            fails = tuple(index for index, failing in enumerate(predicted) if failing)
            passes = tuple(index for index, failing in enumerate(predicted) if not failing)
            if fails and passes:
                fewer = min(fails, passes, key=len)
                rank = (max(len(fails), len(passes)), fewer[0], len(variant.moves), place)
                if best is None or rank < best[0]:
                    found = Experiment(environment=base.environment, moves=variant.moves, fails=fails, passes=passes)
                    best = rank, found
    return None if best is None else best[1]


def _variants(
    base: Observation, explanations: Sequence[Explanation], observations: Sequence[Observation]
) -> Iterator[_Variant]:
    """Each of the packages moved alone; and, where it passes, all but the axes moved to where it fails."""
    packages = sorted({package for one in explanations for package in one.packages})
    run = [_axes(one.versions) for one in observations]
    for package in packages:
        if package == "torchaudio" and "torch" in base.versions:
            continue
        for version in _seen(package, base, observations):
            if version != base.versions.get(package):
                variant = _moved(base.versions, package, version)
                if variant.moves[0].kind != "axis" or _axes(variant.versions) not in run:
                    yield variant
    if not base.failed:
        for other in observations:
            if other.failed and _axes(other.versions).get("python") == _axes(base.versions).get("python"):
                yield from _bundled(base, other, [package for package in packages if package not in _AXES])


def _seen(package: str, base: Observation, observations: Sequence[Observation]) -> list[str]:
    """The versions that were seen, those next to the one at hand first."""
    versions = sorted({one.versions[package] for one in observations if package in one.versions}, key=Version)
    mine = base.versions.get(package)
    if mine is None:
        return versions
    return sorted(versions, key=lambda version: abs(versions.index(version) - versions.index(mine)))


def _bundled(base: Observation, failing: Observation, packages: Sequence[str]) -> Iterator[_Variant]:
    moves: list[Move] = []
    versions = dict(base.versions)
    for package in packages:
        version = failing.versions.get(package)
        if version is not None and version != base.versions.get(package):
            moves += _moved(base.versions, package, version).moves
            versions[package] = version
    if len(moves) > 1:
        yield _Variant(moves=tuple(moves), versions=versions)


def _moved(versions: Versions, package: str, version: str) -> _Variant:
    plain = Version(version).public
    moved = {**versions, package: version}
    if package in _S3PRL:
        value = f"s3prl={plain if package == 's3prl' else f'{FORK} {plain}'}"
        only = {name: found for name, found in moved.items() if name == package or name not in _S3PRL}
        return _Variant(moves=(Move(kind="axis", value=value),), versions=only)
    if package == "torch":
        moved["torchaudio"] = torchaudio_for(plain)
    if package in _AXES:
        return _Variant(moves=(Move(kind="axis", value=f"{package}={plain}"),), versions=moved)
    kind: Literal["pin", "extra"] = "pin" if package in versions else "extra"
    return _Variant(moves=(Move(kind=kind, value=f"{package}=={plain}"),), versions=moved)


def _axes(versions: Versions) -> dict[str, str]:
    return {package: Version(versions[package]).public for package in _AXES if package in versions}
