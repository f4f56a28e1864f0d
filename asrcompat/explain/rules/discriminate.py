"""The one environment that would tell explanations apart: one that was run, with one thing about it changed.

Only versions that were seen are moved to, so that they are known to exist; torchaudio goes along with torch. What the
resolver makes of a move is seen only by the run: the prediction is for what moves and nothing else. What somebody would
ask for is moved first, and what brings no new torch stack before what does; then what came along, half of it at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from packaging.version import Version

from asrcompat.explain.rules.conditions import Versions
from asrcompat.explain.rules.refuted import foretold
from asrcompat.explain.rules.search import Explanation, Observation
from asrcompat.spec import torchaudio_for
from asrcompat.spec.fields import AXIS_DISTRIBUTIONS, FORK

_S3PRL = ("s3prl", FORK)
_AXES = ("python", *AXIS_DISTRIBUTIONS)
_STACKS = ("torch=", "python=")  # what a move brings to download: its own wheels of everything


@dataclass(frozen=True, kw_only=True)
class Move:
    """A change in the form of the laboratory's: ``axis`` s3prl=0.4.15, ``pin`` six==1.16.0, ``extra`` six==1.16.0."""

    kind: Literal["axis", "pin", "extra"]
    value: str

    @property
    def package(self) -> str:
        """What is moved."""
        return self.value.partition("=")[0]


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


def discriminating(
    explanations: Sequence[Explanation],
    observations: Sequence[Observation],
    *,
    allowed: Callable[[str, tuple[Move, ...]], bool] = lambda *_: True,
    suspects: Sequence[str] = (),
) -> Experiment | None:
    """The experiment to make first: of those that cost alike, the one that leaves the fewest explanations at worst.

    What moves one of the `suspects` comes before all others. Of equal ones that which singles out an earlier
    explanation, then that with the fewer moves. `allowed` says of an
    environment and moves whether they can be run, and were not. None where no move tells any two explanations apart:
    they stand or fall together.
    """
    best: tuple[tuple[int, ...], Experiment] | None = None
    for place, base in enumerate(observations):
        for variant in _variants(base, explanations, observations):
            predicted = [one.holds(variant.versions) for one in explanations]
            fails = tuple(index for index, failing in enumerate(predicted) if failing)
            passes = tuple(index for index, failing in enumerate(predicted) if not failing)
            if fails and passes:
                fewer = min(fails, passes, key=len)
                worst = max(len(fails), len(passes))
                rank = (_cost(variant.moves, suspects), worst, fewer[0], len(variant.moves), place)
                if (best is None or rank < best[0]) and allowed(base.environment, variant.moves):
                    found = Experiment(environment=base.environment, moves=variant.moves, fails=fails, passes=passes)
                    best = rank, found
    return None if best is None else best[1]


def refuting(
    explanation: Explanation,
    observations: Sequence[Observation],
    *,
    allowed: Callable[[str, tuple[Move, ...]], bool] = lambda *_: True,
) -> Experiment | None:
    """A run that could show an explanation to be wrong: an environment that was no part of finding it, moved across.

    That which is least like those on the other side, since there most else could be the cause; not where it leaves
    open how the run ends, between a bound and what was seen beyond it. None where none is left.
    """
    best: tuple[tuple[int, ...], Experiment] | None = None
    for place, base in enumerate(observations):
        across = [one for one in observations if one.failed is not base.failed]
        likeness = max((_alike(base, other) for other in across), default=0)
        for variant in _variants(base, [explanation], observations):
            crosses = len(variant.moves) == 1 and explanation.holds(variant.versions) is not base.failed
            if crosses and foretold(explanation, variant.versions) is not None:
                rank = (_cost(variant.moves), likeness, place)
                if (best is None or rank < best[0]) and allowed(base.environment, variant.moves):
                    fails, passes = ((), (0,)) if base.failed else ((0,), ())
                    found = Experiment(environment=base.environment, moves=variant.moves, fails=fails, passes=passes)
                    best = rank, found
    return None if best is None else best[1]


def _alike(one: Observation, other: Observation) -> int:
    return sum(other.versions.get(package) == version for package, version in one.versions.items())


def _cost(moves: Sequence[Move], suspects: Sequence[str] = ()) -> int:
    """-1: a suspect; 0: what is asked for; 1: with a torch stack of its own; 2: what only comes along."""
    if len(moves) == 1 and moves[0].package in suspects:
        return -1
    if any(move.kind != "axis" for move in moves):
        return 2
    return int(any(move.value.startswith(_STACKS) for move in moves))


def _variants(
    base: Observation, explanations: Sequence[Explanation], observations: Sequence[Observation]
) -> Iterator[_Variant]:
    """Each of the packages moved alone; and all but the axes, or half of them, moved to where it is otherwise."""
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
    further = [package for package in packages if package not in _AXES]
    for other in observations:
        if other.failed is not base.failed and other.versions.get("python") == base.versions.get("python"):
            for several in (further, further[: len(further) // 2]):
                yield from _bundled(base, other, several)


def _seen(package: str, base: Observation, observations: Sequence[Observation]) -> list[str]:
    """The versions that were seen, those next to the one at hand first."""
    versions = sorted({one.versions[package] for one in observations if package in one.versions}, key=Version)
    mine = base.versions.get(package)
    if mine is None:
        return versions
    return sorted(versions, key=lambda version: abs(versions.index(version) - versions.index(mine)))


def _bundled(base: Observation, other: Observation, packages: Sequence[str]) -> Iterator[_Variant]:
    moves: list[Move] = []
    versions = dict(base.versions)
    for package in packages:
        version = other.versions.get(package)
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
