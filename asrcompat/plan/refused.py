"""The verdict on rows of a plan: a lock whose parts can all be had, or the smallest part of the row that has none.

A conflict of some requirements is one of every larger set of them. So that not every row with the same conflict has to
be asked for, one is narrowed down: axis by axis left out as long as what remains still fails, then the other Pythons.
What the smallest part is told of is the resolver's own word on it, with the network. A distribution that has to be
built and does not build is narrowed down in the same way, to what brings it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from asrcompat.plan.builds import Builds
from asrcompat.plan.candidates import request_of
from asrcompat.plan.resolve import Resolver
from asrcompat.plan.space import Ban, Row, Space
from asrcompat.run.lock import Lock
from asrcompat.run.uv import Failure, FailureKind
from asrcompat.spec import PinRule, Request

_PYTHON = "python"
# in the order in which they are left out: what most seldom takes part in a conflict first
_ORDER = ("transformers", "s3prl", "espnet", "torch")

Fails = Callable[[Sequence[str], str], bool]
"""Whether a row's values on these axes fail in the same way under a Python."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Choices that cannot be had together, and in whose words; an ``error`` says nothing of the packages."""

    ban: Ban
    kind: FailureKind


class Resolving:
    """Asks a resolver for rows, several at a time. `resolvers` are by Python version X.Y."""

    def __init__(
        self,
        resolvers: Mapping[str, Resolver],
        *,
        builds: Builds,
        pins: Sequence[PinRule],
        space: Space,
        workers: int,
    ) -> None:
        self._resolvers = resolvers
        self._builds = builds
        self._pins = pins
        self._space = space
        self._workers = workers

    def judge(self, rows: Sequence[Row], tell: Callable[[Row, Lock | Refusal], None]) -> list[Lock | Refusal]:
        """The lock of every row, or what of it cannot be, in their order; each is told as it is known."""

        def one(row: Row) -> Lock | Refusal:
            found = self._verdict(row)
            tell(row, found)
            return found

        with ThreadPoolExecutor(max_workers=self._workers) as pool:
            return list(pool.map(one, rows))

    def _verdict(self, row: Row) -> Lock | Refusal:
        request = request_of(row, self._pins)
        resolver = self._resolvers[row[_PYTHON]]
        found = resolver.lock(request.pinned_requirements, overrides=request.override_requirements)
        if isinstance(found, Failure):
            return self._unresolved(row, found)
        for distribution in found.sources:
            failure = self._builds.failure(distribution, resolver.interpreter)
            if failure is not None:
                return self._unbuilt(row, distribution, failure)
        return found

    def _unresolved(self, row: Row, failure: Failure) -> Refusal:
        if failure.kind == "error":
            return Refusal(ban=Ban(choices=frozenset(row.items()), reason=failure.message), kind="error")

        def fails(axes: Sequence[str], python: str) -> bool:
            found = self._looked_up(row, axes, python)
            return isinstance(found, Failure) and found.kind == failure.kind

        kept = self._smallest(row, fails)
        confirmed = self._asked(row, kept, row[_PYTHON])
        if not isinstance(confirmed, Failure) or confirmed.kind != failure.kind:  # the cache is not what the index is
            return Refusal(ban=Ban(choices=frozenset(row.items()), reason=failure.message), kind=failure.kind)
        return Refusal(
            ban=Ban(choices=self._with_python(row, kept, fails), reason=confirmed.message), kind=failure.kind
        )

    def _unbuilt(self, row: Row, distribution: str, failure: Failure) -> Refusal:
        def fails(axes: Sequence[str], python: str) -> bool:
            found = self._looked_up(row, axes, python)
            if isinstance(found, Failure) or distribution not in found.sources:
                return False
            return self._builds.failure(distribution, self._resolvers[python].interpreter) is not None

        choices = self._with_python(row, self._smallest(row, fails), fails)
        reason = f"they bring {distribution}, of which there is no wheel here and which does not build"
        reason += f"\n{failure.message}"
        return Refusal(ban=Ban(choices=choices, reason=reason), kind="error" if failure.kind == "error" else "build")

    def _smallest(self, row: Row, fails: Fails) -> list[str]:
        """The axes, Python left aside, of which none can be left out without that it fails no more."""
        kept = [axis for axis in row if axis != _PYTHON]
        for axis in _ORDER:
            trial = [one for one in kept if one != axis]
            if trial and fails(trial, row[_PYTHON]):
                kept = trial
        return kept

    def _with_python(self, row: Row, axes: Sequence[str], fails: Fails) -> frozenset[tuple[str, str]]:
        """The values on these axes, with that of Python where others that can have them do not fail."""
        choices = {(axis, row[axis]) for axis in axes}
        others = [python for python in self._resolvers if python != row[_PYTHON]]
        able = [one for one in others if self._space.left([(_PYTHON, one), *choices]) is not None]
        own = () if all(fails(axes, python) for python in able) else ((_PYTHON, row[_PYTHON]),)
        return frozenset([*choices, *own])

    def _looked_up(self, row: Row, axes: Sequence[str], python: str) -> Lock | Failure:
        """What becomes of a part of a row under a Python, by the cache alone where that can tell."""
        found = self._resolvers[python].without_network(self._requirements({**row, _PYTHON: python}, axes))
        undecided = isinstance(found, Failure) and found.kind == "error"
        return self._asked(row, axes, python) if undecided else found

    def _asked(self, row: Row, axes: Sequence[str], python: str) -> Lock | Failure:
        return self._resolvers[python].lock(self._requirements({**row, _PYTHON: python}, axes))

    def _requirements(self, row: Row, axes: Sequence[str]) -> tuple[str, ...]:
        """What a part of a row asks for: its packages, and the pins that hold by them alone."""
        pins = [rule for rule in self._pins if {_followed(axis) for axis in rule.when} <= {*axes, _PYTHON}]
        whole = request_of(row, pins)
        asked = {name for axis in axes for name in _distributions(axis, whole)}
        requirements = [one for one in whole.requirements if one.partition("==")[0] in asked]
        return tuple(dict.fromkeys([*requirements, *(one for pin in whole.pins for one in pin.requirements)]))


def _followed(axis: str) -> str:
    return "torch" if axis == "torchaudio" else axis


def _distributions(axis: str, request: Request) -> tuple[str, ...]:
    if axis == "torch":
        return "torch", "torchaudio"
    return (request.s3prl_distribution,) if axis == "s3prl" else (axis,)
