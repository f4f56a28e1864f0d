"""Make a covering profile's plan: discover, prune, cover, resolve, and cut to the budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache

from asrcompat.errors import HarnessError
from asrcompat.plan.assemble import Asked, assemble, kept_environment
from asrcompat.plan.builds import Builds
from asrcompat.plan.candidates import excluded
from asrcompat.plan.choose import choose
from asrcompat.plan.discover import discover
from asrcompat.plan.document import Plan
from asrcompat.plan.prepare import Sources
from asrcompat.plan.refused import Refusal, Resolving
from asrcompat.plan.releases import PackageIndex
from asrcompat.plan.space import Row, Space
from asrcompat.run.interpreters import Interpreter, NoInterpreter, find
from asrcompat.run.lock import Lock

_BUILD_SECONDS = 900.0  # for one source distribution


def make_plan(asked: Asked, sources: Sources, *, before: Plan | None, tell: Callable[[str], None]) -> Plan:
    """The plan as of now; `before` is the last one, by which new releases are told.

    Raises `HarnessError` where the index does not answer, `UsageError` for a selector that takes nothing.
    """
    now = datetime.now(UTC)
    interpreters, absent = _interpreters(asked.covering.python)
    tell("plan: asks the index which releases there are")
    index = PackageIndex(sources.index.url, sources.work / "index")
    versions = {python: one.version for python, one in interpreters.items()}
    found = discover(asked.covering, versions, cache(index.releases), as_of=asked.as_of, now=now, where=asked.where)
    outright = [*found.bans, *excluded(asked.spec.exclude, found.axes)]
    space = Space(found.axes, outright)
    counted = ", ".join(f"{len(values)} {axis}" for axis, values in found.axes.items())
    tell(f"plan: {counted}: {space.size} combinations, {len(space.bans)} bans before anything is resolved")
    resolving = Resolving(
        {python: sources.resolver(one, as_of=asked.as_of) for python, one in interpreters.items()},
        builds=_builds(sources, asked.as_of),
        pins=asked.pins,
        space=Space(found.axes, outright),
    )
    tell("plan: resolves the grid, then pairs; what has to be built for that is built once, which takes minutes")
    kept = [kept_environment(one, found, sources, as_of=asked.as_of) for one in asked.kept]
    chosen = choose(
        space,
        kept=[one.row for one in kept if one.row is not None],
        first=asked.first(found.axes),
        judge=lambda rows: resolving.judge(rows, lambda row, verdict: tell(_told(row, verdict))),
        seed=asked.covering.seed,
    )
    return assemble(asked, found, space, kept, chosen, before=before, absent=absent, now=now, sources=sources)


def _interpreters(pythons: Iterable[str]) -> tuple[dict[str, Interpreter], dict[str, str]]:
    """Interpreters by version X.Y, and why there is none of the others."""
    found = {python: find(python) for python in pythons}
    absent = {python: one.message for python, one in found.items() if isinstance(one, NoInterpreter)}
    here = {python: one for python, one in found.items() if isinstance(one, Interpreter)}
    if not here:
        raise HarnessError("none of the plan's Pythons is on this machine: " + "; ".join(absent.values()))
    return here, absent


def _builds(sources: Sources, as_of: str | None) -> Builds:
    return Builds(
        work=sources.work,
        arguments=sources.install_arguments(as_of),
        seconds=_BUILD_SECONDS,
        hours=sources.index.lock_hours,
        fresh=sources.fresh,
    )


def _told(row: Row, verdict: Lock | Refusal) -> str:
    name = " ".join(f"{axis} {value}" for axis, value in row.items())
    if isinstance(verdict, Lock):
        return f"plan: {name}: resolved to {len(verdict.versions)} packages"
    part = " ".join(f"{axis} {value}" for axis, value in sorted(verdict.ban.choices))
    return f"plan: {name}: {verdict.kind} of {part}"
