"""The resolver's verdict on rows of a plan: a lock, or the smallest part of the row that already has none.

A conflict of some requirements is one of every larger set of them. So that not every row with the same conflict has to
be asked for, one is narrowed down: axis by axis left out as long as what remains still fails, then the other Pythons.
What the smallest part is told of is the resolver's own word on it, with the network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from asrcompat.plan.candidates import request_of
from asrcompat.plan.resolve import Resolver
from asrcompat.plan.space import Ban, Row, Space
from asrcompat.run.lock import Lock
from asrcompat.run.uv import Failure, FailureKind
from asrcompat.spec import PinRule, Request

_PYTHON = "python"
# in the order in which they are left out: what most seldom takes part in a conflict first
_ORDER = ("transformers", "s3prl", "espnet", "torch")


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Choices that cannot be locked together, with the resolver's words; an ``error`` says nothing of the packages."""

    ban: Ban
    kind: FailureKind


class Resolving:
    """Asks a resolver for rows, several at a time. `resolvers` are by Python version X.Y."""

    def __init__(
        self, resolvers: Mapping[str, Resolver], *, pins: Sequence[PinRule], space: Space, workers: int
    ) -> None:
        self._resolvers = resolvers
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
        found = self._resolvers[row[_PYTHON]].lock(request.pinned_requirements, overrides=request.override_requirements)
        if isinstance(found, Lock):
            return found
        if found.kind == "error":
            ban = Ban(choices=frozenset(row.items()), reason=found.message)
            return Refusal(ban=ban, kind="error")
        return self._smallest(row, found)

    def _smallest(self, row: Row, failure: Failure) -> Refusal:
        """The part of a row that fails alone, with the resolver's word on it."""
        kept = [axis for axis in row if axis != _PYTHON]
        for axis in _ORDER:
            trial = [one for one in kept if one != axis]
            if trial and self._fails(row, trial, row[_PYTHON], failure.kind):
                kept = trial
        confirmed = self._asked(row, kept, row[_PYTHON])
        if not isinstance(confirmed, Failure) or confirmed.kind != failure.kind:  # the cache is not what the index is
            kept, confirmed = [axis for axis in row if axis != _PYTHON], failure
        choices = {(axis, row[axis]) for axis in kept}
        others = [python for python in self._resolvers if python != row[_PYTHON]]
        able = [one for one in others if self._space.left([(_PYTHON, one), *choices]) is not None]
        if not all(self._fails(row, kept, python, failure.kind) for python in able):
            choices.add((_PYTHON, row[_PYTHON]))
        return Refusal(ban=Ban(choices=frozenset(choices), reason=confirmed.message), kind=failure.kind)

    def _fails(self, row: Row, axes: Sequence[str], python: str, kind: FailureKind) -> bool:
        """Whether a part of a row fails in this way under a Python, by the cache alone where that can tell."""
        found = self._resolvers[python].without_network(self._requirements({**row, _PYTHON: python}, axes))
        if isinstance(found, Failure) and found.kind == "error":
            found = self._asked(row, axes, python)
        return isinstance(found, Failure) and found.kind == kind

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
