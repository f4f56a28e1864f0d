"""The verdict on rows of a plan: a lock whose parts can all be had, or the smallest part of the row that has none.

A conflict of some requirements is one of every larger set of them. So that not every row with the same conflict has to
be asked for, one is narrowed down: axis by axis left out as long as what remains still fails, then the other Pythons.
What the smallest part is told of is the resolver's own word on it, with the network. A distribution that has to be
built and does not build is narrowed down in the same way, to what brings it; a larger set may bring another version of
it, so that this proves nothing unless the smallest part can have no other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from asrcompat.plan.builds import Builds
from asrcompat.plan.candidates import request_of
from asrcompat.plan.document import Kind
from asrcompat.plan.resolve import WORKERS, Resolver
from asrcompat.plan.space import Ban, Row, Space
from asrcompat.run.lock import Lock
from asrcompat.run.uv import Failure
from asrcompat.spec import PinRule, Request

_PYTHON = "python"
# in the order in which they are left out: what most seldom takes part in a conflict first
_ORDER = ("transformers", "s3prl", "espnet", "torch")

Fails = Callable[[Sequence[str], str], bool]
"""Whether a row's values on these axes fail in the same way under a Python."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Choices that cannot be had together, in whose words, and of which kind (`document.KINDS`)."""

    ban: Ban
    kind: Kind


class Resolving:
    """Asks a resolver for rows, several at a time.

    `resolvers` are by Python version X.Y; `space` is what is known before anything is resolved.
    """

    def __init__(
        self, resolvers: Mapping[str, Resolver], *, builds: Builds, pins: Sequence[PinRule], space: Space
    ) -> None:
        self._resolvers = resolvers
        self._builds = builds
        self._pins = pins
        self._space = space

    def judge(self, rows: Sequence[Row], tell: Callable[[Row, Lock | Refusal], None]) -> list[Lock | Refusal]:
        """The lock of every row, or what of it cannot be, in their order; each is told as it is known."""

        def one(row: Row) -> Lock | Refusal:
            found = self._verdict(row)
            tell(row, found)
            return found

        with ThreadPoolExecutor(max_workers=WORKERS) as pool:
            return list(pool.map(one, rows))

    def _verdict(self, row: Row) -> Lock | Refusal:
        request = request_of(row, self._pins)
        resolver = self._resolvers[row[_PYTHON]]
        found = resolver.lock_anywhere(request.pinned_requirements)
        if isinstance(found, Failure):
            return self._unresolved(row, found)
        for distribution in found.sources:
            failure = self._builds.failure(distribution, resolver.interpreter)
            if failure is not None:
                return self._unbuilt(row, distribution, failure)
        return found

    def _unresolved(self, row: Row, failure: Failure) -> Refusal:
        whole = frozenset(row.items())
        if failure.kind == "error":
            return Refusal(ban=Ban(choices=whole, reason=failure.message), kind="error")

        def fails(axes: Sequence[str], python: str) -> bool:
            found = self._looked_up(row, axes, python)
            return isinstance(found, Failure) and found.kind == failure.kind

        # a distribution whose metadata can only be had by building it proves no more than one that is built later
        kind: Kind = "conflict" if failure.kind == "conflict" else "not here"
        kept = self._smallest(row, fails)
        confirmed = self._asked(row, kept, row[_PYTHON])
        if not isinstance(confirmed, Failure) or confirmed.kind != failure.kind:  # the cache is not what the index is
            return Refusal(ban=Ban(choices=whole, reason=failure.message), kind=kind)
        choices = self._with_python(row, kept, fails)
        pins = self._requirements(row, kept, only_pins=True)
        if pins and isinstance(self._asked(row, kept, row[_PYTHON], pinned=False), Lock):
            reason = f"this project's pins ({', '.join(pins)}) do not allow it\n{confirmed.message}"
            return Refusal(ban=Ban(choices=choices, reason=reason), kind="pin")
        return Refusal(ban=Ban(choices=choices, reason=confirmed.message), kind=kind)

    def _unbuilt(self, row: Row, distribution: str, failure: Failure) -> Refusal:
        def fails(axes: Sequence[str], python: str) -> bool:
            found = self._asked(row, axes, python)
            if isinstance(found, Failure) or distribution not in found.sources:
                return False
            there = self._builds.failure(distribution, self._resolvers[python].interpreter)
            return there is not None and there.kind == failure.kind

        kept = self._smallest(row, fails)
        choices = self._with_python(row, kept, fails)
        proven = failure.kind == "build" and all(
            self._must_have(row, kept, python, distribution)
            for python in ([row[_PYTHON]] if (_PYTHON, row[_PYTHON]) in choices else self._resolvers)
        )
        reason = f"they bring {distribution}, of which there is no wheel here and which does not build"
        reason += f"\n{failure.message}"
        return Refusal(ban=Ban(choices=choices, reason=reason), kind="build" if proven else "not here")

    def _must_have(self, row: Row, axes: Sequence[str], python: str, distribution: str) -> bool:
        """Whether a part of a row resolves with no other version of a distribution, and so no larger part does."""
        asked = self._requirements({**row, _PYTHON: python}, axes)
        other = self._resolvers[python].lock_anywhere([*asked, distribution.replace("==", "!=")])
        return isinstance(other, Failure) and other.kind == "conflict"

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
        """Whether a part of a row resolves under a Python, by the cache alone where that can tell.

        What the cache calls a conflict is asked of the index again before it is believed.
        """
        found = self._resolvers[python].without_network(self._requirements({**row, _PYTHON: python}, axes))
        return found if isinstance(found, Lock) else self._asked(row, axes, python)

    def _asked(self, row: Row, axes: Sequence[str], python: str, *, pinned: bool = True) -> Lock | Failure:
        there = {**row, _PYTHON: python}
        asked = self._requirements(there, axes)
        pins = () if pinned else self._requirements(there, axes, only_pins=True)
        return self._resolvers[python].lock_anywhere([one for one in asked if one not in pins])

    def _requirements(self, row: Row, axes: Sequence[str], *, only_pins: bool = False) -> tuple[str, ...]:
        """What a part of a row asks for: its packages, and the pins that hold by them alone."""
        pins = [rule for rule in self._pins if {_followed(axis) for axis in rule.when} <= {*axes, _PYTHON}]
        whole = request_of(row, pins)
        asked = {name for axis in axes for name in _distributions(axis, whole)}
        requirements = [one for one in whole.requirements if one.partition("==")[0] in asked]
        aids = [one for pin in whole.pins for one in pin.requirements]
        return tuple(dict.fromkeys(aids if only_pins else [*requirements, *aids]))


def widened(refusal: Refusal, row: Row) -> Refusal:
    """The same of a whole row: for what was narrowed down to a part that another row was seen to have."""
    return replace(refusal, ban=replace(refusal.ban, choices=frozenset(row.items())))


def _followed(axis: str) -> str:
    return "torch" if axis == "torchaudio" else axis


def _distributions(axis: str, request: Request) -> tuple[str, ...]:
    if axis == "torch":
        return "torch", "torchaudio"
    return (request.s3prl_distribution,) if axis == "s3prl" else (axis,)
