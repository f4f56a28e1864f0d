"""A plan as it is kept and told: what runs and why, what does not and why, and what of all pairs that covers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError

from asrcompat.adapters import adapter
from asrcompat.plan.space import Pair
from asrcompat.run.store import write_text

_STRICT = ConfigDict(extra="forbid")
_FOLDER = "plans"

Kind = Literal["no files", "excluded", "conflict", "build", "pin", "not here", "error"]
KINDS: Mapping[Kind, str] = {
    "no files": "nothing to install for a Python",
    "excluded": "excluded by matrix.toml",
    "conflict": "the packages' own metadata do not allow it",
    "build": "what they must bring has to be built, and its build fails",
    "pin": "a pin of this project does not allow it, which says nothing of the packages",
    "not here": "what they bring has to be built and is not, here and today, which says nothing of the packages",
    "error": "the resolver failed, which says nothing of the packages",
}
FORBIDDING: tuple[Kind, ...] = ("no files", "excluded", "conflict", "build")
"""The kinds that make a pair impossible; with the others it is undecided."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One environment of a plan: `row` is its value on every axis, None for one that is more than that.

    `why` says how it came into the plan; `pairs` is how many pairs it has that none before it has. `stack` is
    its torch with the build, and `lock_sha256` its lock: None where there is none, and then `why` says so. `files` are
    the bytes of what is installed, by ``name==version``; 0 where the index does not tell.
    """

    __pydantic_config__ = _STRICT

    id: str
    title: str
    row: Mapping[str, str] | None
    why: str
    pairs: int = 0
    stack: str = ""
    lock_sha256: str | None = None
    files: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Pruned:
    """Values of axes that are not planned together; the last three kinds say nothing of the packages."""

    __pydantic_config__ = _STRICT

    choices: tuple[tuple[str, str], ...]
    kind: Kind
    reason: str


@dataclass(frozen=True, kw_only=True)
class Impossible:
    """A pair that no environment can have, and the numbers of what in `Plan.pruned` forbids it."""

    __pydantic_config__ = _STRICT

    pair: Pair
    pruned: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a covering profile runs. `made_at` is UTC; `key` is the content of what was asked and of how.

    `rows` are planned, in the order of their value; `beyond` were found as well and go beyond the budget. `passed_over`
    tells by axis which releases a selector would have taken and why it did not; `new` by package those that the plan
    before did not know; `unused` the rules of matrix.toml that match nothing here.
    """

    __pydantic_config__ = _STRICT

    schema: Literal[1] = 1
    profile: str
    made_at: str
    key: str
    as_of: str | None
    seed: int
    budget: str
    axes: Mapping[str, tuple[str, ...]]
    passed_over: Mapping[str, Mapping[str, str]]
    new: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    releases: Mapping[str, tuple[str, ...]]
    rows: tuple[Planned, ...]
    beyond: tuple[Planned, ...]
    pruned: tuple[Pruned, ...]
    impossible: tuple[Impossible, ...]
    undecided: tuple[Pair, ...]
    unused: tuple[str, ...] = ()


KEPT = "kept by matrix.toml"  # why an environment of the profile's grid is in a plan


def within(plan: Plan, environments: int) -> Plan:
    """The plan with at most so many environments, the most valuable ones; those of the profile's grid stay."""
    every = (*plan.rows, *plan.beyond)
    kept = sum(one.why.startswith(KEPT) for one in every)
    room = max(environments, kept)
    return replace(plan, budget=f"{environments} environments", rows=every[:room], beyond=every[room:])


def reason_for(one: Planned) -> str:
    """How an environment came into a plan."""
    return f"{one.why}: {one.pairs} that none before has" if one.pairs else one.why


def choices_text(pruned: Pruned) -> str:
    """The values that cannot be together."""
    return " with ".join(f"{axis} {value}" for axis, value in pruned.choices)


def in_short(reason: str) -> str:
    """A reason on one line: of a resolver's words the first that tell the cause."""
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    cause = next((line for line in lines if line.startswith("cause:")), first) if first.startswith("error:") else first
    return cause.removeprefix("cause:").strip()


def plan_file(work: Path, profile: str, as_of: str | None) -> Path:
    """Where the plan of a profile is kept, as of a day or of today."""
    return work / _FOLDER / (f"{profile}.json" if as_of is None else f"{profile}-as-of-{as_of}.json")


def keep_plan(plan: Plan, work: Path) -> Path:
    """Write a plan in place of the one before."""
    file = plan_file(work, plan.profile, plan.as_of)
    write_text(file, dump_plan(plan))
    return file


def dump_plan(plan: Plan) -> str:
    """The plan as JSON text."""
    return json.dumps(as_data(plan), indent=1, ensure_ascii=False) + "\n"


def as_data(plan: Plan) -> dict[str, Any]:
    """The plan as plain data."""
    return asdict(plan)


def kept_plan(work: Path, profile: str, as_of: str | None, *, warn: Callable[[str], None]) -> Plan | None:
    """The plan that is kept; None where there is none, with a warning where its file is torn or foreign."""
    file = plan_file(work, profile, as_of)
    try:
        return adapter(Plan).validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        warn(f"passed over: {file.name} is not a plan of this version: {str(error).splitlines()[0]}")
        return None
