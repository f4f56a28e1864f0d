"""From what was found and chosen to the plan that is kept: rows in order, what was pruned and why, what is new."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from asrcompat.plan.candidates import matching, request_of, row_of
from asrcompat.plan.choose import Chosen, ChosenRow
from asrcompat.plan.discover import Found
from asrcompat.plan.document import FORBIDDING, KEPT, Impossible, Plan, Planned, Pruned, in_short
from asrcompat.plan.near import next_to
from asrcompat.plan.prepare import Sources, prepare
from asrcompat.plan.space import Pair, Row, Space
from asrcompat.run.code import hash_of
from asrcompat.run.interpreters import find
from asrcompat.run.lock import Lock
from asrcompat.run.scrub import Scrubber
from asrcompat.run.session import Locked
from asrcompat.spec import Covering, Exclusion, PinRule, Request, Spec, matches

_PYTHON = "python"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a plan is made of: the profile's own environments are `kept`.

    What lies next to `surprising` rows is tried before all others, but for those `seen`. `where` is what faults call
    the table that says what to cover.
    """

    profile: str
    covering: Covering
    spec: Spec
    as_of: str | None
    environments: int
    where: str
    surprising: Sequence[Row] = ()
    seen: Sequence[Row] = ()

    @property
    def kept(self) -> tuple[Request, ...]:
        """The environments of the profile's grid."""
        dated = (one.dated(self.as_of) for one in self.spec.environments(self.profile))
        return tuple({one.id: one for one in dated}.values())

    @property
    def pins(self) -> tuple[PinRule, ...]:
        """The pins that may apply: on an earlier day there was nothing yet to shut out."""
        return self.spec.pins if self.as_of is None else ()

    def first(self, axes: Mapping[str, Sequence[str]]) -> tuple[Row, ...]:
        """The rows to try before all others, at most a quarter of the plan."""
        return tuple(next_to(self.surprising, axes, self.seen))[: self.environments // 4]

    def request(self, row: Row) -> Request:
        """The environment that a row stands for."""
        return request_of(row, self.pins).dated(self.as_of)

    def key(self, sources: Sources) -> str:
        """The content of everything that the plan depends on, this code too, but for what the index holds."""
        spec, code = self.spec, Path(__file__).parents[1]
        asked = (self.covering, spec.pins, spec.exclude, self.kept, self.as_of)
        facts: list[object] = [repr(one) for one in asked]
        facts += [self.environments, sources.torch_index, repr(sources.index)]
        facts += [[dict(row) for row in rows] for rows in (self.surprising, self.seen)]
        files = [*(code / "plan").glob("*.py"), *(code / "spec").glob("*.py"), code / "run/uv.py", code / "run/lock.py"]
        facts += [hash_of(sorted(files), code), version("uv")]
        facts += [repr(find(python)) for python in self.covering.python]
        return sha256(json.dumps(facts).encode()).hexdigest()[:24]


def assemble(
    asked: Asked,
    found: Found,
    space: Space,
    kept: Sequence[Planned],
    chosen: Chosen,
    *,
    before: Plan | None,
    absent: dict[str, str],
    now: datetime,
    sources: Sources,
) -> Plan:
    """The plan of what was found and chosen; `absent` are the Pythons without interpreter, and why."""
    scrub = Scrubber({"work": sources.work})
    kinds = {one.ban: one.kind for one in chosen.refusals}
    outright = set(found.bans)
    pruned = tuple(
        Pruned(
            choices=tuple(sorted(ban.choices, key=lambda choice: list(space.axes).index(choice[0]))),
            kind=kinds.get(ban) or ("no files" if ban in outright else "excluded"),
            reason=scrub.text(ban.reason.strip()),
        )
        for ban in space.bans
    )
    first = asked.first(found.axes)
    covering = [_covering(one, asked, first) for one in chosen.rows]
    room = max(0, asked.environments - len(kept))
    passed_over = {axis: dict(left) for axis, left in found.passed_over.items() if left}
    return Plan(
        profile=asked.profile,
        made_at=now.isoformat(timespec="seconds"),
        key=asked.key(sources),
        as_of=asked.as_of,
        seed=asked.covering.seed,
        budget=f"{asked.environments} environments",
        axes=found.axes,
        passed_over={**({_PYTHON: absent} if absent else {}), **passed_over},
        new={} if before is None else _new(found, before),
        releases=found.releases,
        rows=(*kept, *covering[:room]),
        beyond=tuple(covering[room:]),
        pruned=pruned,
        impossible=tuple(_impossible(pair, space, pruned) for pair in chosen.impossible),
        undecided=chosen.undecided,
        unused=_unused(asked, found),
    )


def kept_environment(request: Request, found: Found, sources: Sources, *, as_of: str | None) -> Planned:
    """An environment of the profile's grid, resolved."""
    _, source = prepare(request, sources)
    if isinstance(source, Locked):
        row = row_of(request, found.axes, source.lock, as_of=as_of)
        return _locked(request, row, source.lock, why=KEPT)
    why = f"{KEPT}; it does not resolve: {in_short(source.message)}"
    return Planned(id=request.id, title=request.title, row=None, why=why)


def _covering(one: ChosenRow, asked: Asked, first: Sequence[Row]) -> Planned:
    why = "next to a failure that nothing explains" if one.row in first else "covers pairs"
    found = _locked(asked.request(one.row), one.row, one.lock, why=why)
    return replace(found, pairs=len(one.pairs))


def _locked(request: Request, row: Row | None, lock: Lock, *, why: str) -> Planned:
    return Planned(
        id=request.id,
        title=request.title,
        row=row,
        why=why,
        stack=f"{lock.versions.get('torch', 'no torch')} ({lock.torch_build})",
        lock_sha256=lock.sha256,
        files={name: size or 0 for name, size in lock.sizes.items()},
    )


def _new(found: Found, before: Plan) -> dict[str, tuple[str, ...]]:
    new = {
        package: tuple(one for one in releases if one not in before.releases.get(package, ()))
        for package, releases in found.releases.items()
        if package in before.releases
    }
    return {package: releases for package, releases in new.items() if releases}


def _impossible(pair: Pair, space: Space, pruned: Sequence[Pruned]) -> Impossible:
    """What forbids a pair: a ban on it, else all that take part in leaving nothing for another axis."""
    proven = [n for n, one in enumerate(pruned) if one.kind in FORBIDDING]
    direct = tuple(n for n in proven if set(pruned[n].choices) <= set(pair))
    if direct:
        return Impossible(pair=pair, pruned=direct)
    taking_part = [n for n in proven if set(pruned[n].choices) & set(pair)]
    needed = proven
    for n in [n for n in proven if n not in taking_part] + taking_part:
        without = [m for m in needed if m != n]
        if Space(space.axes, [space.bans[m] for m in without]).completed(pair) is None:
            needed = without
    return Impossible(pair=pair, pruned=tuple(needed))


def _unused(asked: Asked, found: Found) -> tuple[str, ...]:
    """The rules of matrix.toml that match neither a grid's environment nor values of the plan's axes."""
    everywhere = asked.spec.all_environments()
    sections: dict[str, Sequence[PinRule | Exclusion]] = {"pins": asked.spec.pins, "exclude": asked.spec.exclude}
    return tuple(
        f"{section}[{number}]: {rule.reason}"
        for section, rules in sections.items()
        for number, rule in enumerate(rules)
        if not any(matching(rule.when, found.axes)) and not any(matches(rule.when, one) for one in everywhere)
    )
