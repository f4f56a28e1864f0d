"""The story of one environment: whether it is planned, why or why not, and what came of it when it last ran."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from asrcompat.errors import UsageError
from asrcompat.model import Cell, Environment
from asrcompat.options import Options
from asrcompat.plan.count import has
from asrcompat.plan.document import FORBIDDING, Plan, choices_text, reason_for
from asrcompat.report.coverage import pair_text
from asrcompat.reporting import identities, published, read_result
from asrcompat.spec import Request

_CHOICE = re.compile(
    r"(?P<axis>python|torch|transformers|espnet-s3prl|s3prl|espnet)==?(?P<value>(?:espnet-s3prl )?[\w.]+)"
)


def story(options: Options, wanted: str, plan: Plan | None) -> Iterator[str]:
    """The lines of it. Raises `UsageError` for an id or versions of which nothing is known."""
    choices = dict(_choice(match) for match in _CHOICE.finditer(wanted))
    rest = _CHOICE.sub("", wanted).strip(" ,")
    request = next((one for one in _requests(options) if one.id == wanted), None)
    if request is not None:
        yield from _of_environment(options, request, plan)
    elif choices and not rest and options.spec.profile(options.chosen_profile).cover is None:
        yield from _of_profile(choices, options)
    elif choices and not rest and plan is not None:
        yield from _of_versions(choices, plan)
    elif choices and not rest:
        profile = options.chosen_profile
        raise UsageError(
            f"no plan of profile '{profile}' is kept yet: make it with `nox -s plan -- --profile {profile}`"
        )
    else:
        message = (
            f"{wanted!r} is no environment of {options.matrix.name} or of the kept plan of profile "
            f"'{options.chosen_profile}', and no list of versions such as 'torch=2.9.1 espnet=202412'; "
            "`nox -l` lists the environments, and `plan` makes a covering profile's plan"
        )
        raise UsageError(message)


def _choice(match: re.Match[str]) -> tuple[str, str]:
    """An axis and its value: the other distribution of S3PRL's import name is a value of that axis."""
    axis, value = match["axis"], match["value"]
    return ("s3prl", f"{axis} {value}") if axis == "espnet-s3prl" else (axis, value)


def _requests(options: Options) -> list[Request]:
    every = (*options.spec.environments(options.chosen_profile), *options.spec.all_environments())
    return [one.dated(options.as_of) for one in every]


def _of_environment(options: Options, request: Request, plan: Plan | None) -> Iterator[str]:
    yield f"{request.id}: {request.title}"
    spec, day = options.spec, options.as_of
    holders = [name for name in spec.profiles if request in [one.dated(day) for one in spec.environments(name)]]
    yield f"in profiles: {', '.join(holders)}"
    for pin in (*request.pins, *request.overrides):
        yield f"with {', '.join(pin.requirements)}: {pin.reason}"
    planned = next((one for one in plan.rows if one.id == request.id), None) if plan is not None else None
    if planned is not None:
        yield f"planned: {reason_for(planned)}"
    found = _found(options, request)
    if found is None or not found[0]:
        yield "not run here yet"
    if found is not None:
        here, environment, cells = found
        yield from _came_of(environment, cells, "ran" if here else "in the published report: ran")


def _found(options: Options, request: Request) -> tuple[bool, Environment, tuple[Cell, ...]] | None:
    """What came of an environment when it last ran: whether that was here, or else of the published report."""
    result = read_result(options.store, request)
    if result is not None:
        return True, result.environment, result.cells
    report = published(options)
    for one in () if report is None else report.environments:
        if report is not None and one.id in identities(request):
            return False, one, tuple(cell for cell in report.cells if cell.environment == one.id)
    return None


def data(options: Options, wanted: str, plan: Plan | None) -> dict[str, Any]:
    """The same for programs: the lines, and of an environment that ran what became of its cells."""
    told = list(story(options, wanted, plan))
    request = next((one for one in _requests(options) if one.id == wanted), None)
    found = None if request is None else _found(options, request)
    return {
        "schema": 1,
        "profile": options.chosen_profile,
        "asked": wanted,
        "story": told,
        "ran_here": found is not None and found[0],
        "ran_at": None if found is None else found[1].ran_at,
        "packages": {} if found is None else dict(found[1].packages),
        "cells": [
            {"path": cell.path, "device": cell.device, "outcome": cell.outcome, "stage": cell.stage}
            for cell in (() if found is None else found[2])
        ],
    }


def _came_of(environment: Environment, cells: Iterable[Cell], said: str) -> Iterator[str]:
    yield f"{said} at {environment.ran_at} by {environment.commit}; lock {environment.lock_sha256 or 'none'}"
    yield f"declared {environment.declared}, installable {environment.installable}"
    for cell in cells:
        first, _, _ = cell.message.partition("\n")
        failed = f" at {cell.stage}: {first}" if cell.failed else ""
        ran_as = None if cell.evidence is None else cell.evidence.ran_as
        shared = "" if ran_as is None else f" (run as {ran_as}, of the same lock)"
        yield f"    {cell.path} on {cell.device}: {cell.outcome}{shared}{failed}"


def _of_profile(choices: Mapping[str, str], options: Options) -> Iterator[str]:
    """Which environments of a profile that names them one by one have some values together; it has no plan to ask."""
    profile = options.chosen_profile
    requests = [one.dated(options.as_of) for one in options.spec.environments(profile)]
    for axis, value in choices.items():
        known = list(dict.fromkeys(str(getattr(one, axis)) for one in requests))
        if value not in known:
            yield f"{axis} {value}: in no environment of profile '{profile}', whose are {', '.join(known)}"
    having = [one for one in requests if all(getattr(one, axis) == value for axis, value in choices.items())]
    for request in having:
        yield f"in profile '{profile}': {request.id}: {request.title}"
    if having:
        yield "`why ID` tells what came of one"
    else:
        covering = [f"--profile {name}" for name, one in options.spec.profiles.items() if one.cover is not None]
        yield (
            f"no environment of profile '{profile}', which names them one by one, has that; the plan of a covering "
            f"profile tells what can be: {' or '.join(covering) or 'there is none'}"
        )


def _of_versions(choices: Mapping[str, str], plan: Plan) -> Iterator[str]:
    """What a plan says of some values together."""
    for axis, value in choices.items():
        if value in plan.axes[axis]:
            continue
        passed = plan.passed_over.get(axis, {}).get(value)
        known = ", ".join(plan.axes[axis])
        yield f"{axis} {value}: " + (f"passed over: {passed}" if passed else f"not on its axis, which has {known}")
    wanted = set(choices.items())
    forbidding = [one for one in plan.pruned if set(one.choices) <= wanted]
    for one in forbidding:
        yield f"{'cannot be' if one.kind in FORBIDDING else 'not planned'} ({one.kind}): {choices_text(one)}:"
        yield from (f"    {line}" for line in one.reason.splitlines())
    having = [one for one in plan.rows if one.row is not None and wanted <= set(one.row.items())]
    for planned in having:
        yield f"planned in {planned.id}: {reason_for(planned)}"
    if not forbidding and not having:
        impossible = [one for one in plan.impossible if set(one.pair) <= wanted]
        for pair in impossible:
            yield "cannot be, since together with anything else:"
            yield from (f"    {choices_text(plan.pruned[n])}: {plan.pruned[n].kind}" for n in pair.pruned)
        undecided = [pair for pair in plan.undecided if set(pair) <= wanted]
        if undecided and not impossible:
            yield "undecided: only what says nothing of the packages forbids it"
        if not (impossible or undecided):
            yield "nothing forbids it, and no planned environment has it: its pairs are planned in others"
            for both in combinations(choices.items(), 2):
                names = [one.id for one in plan.rows if one.row is not None and has(one.row, both)]
                yield f"    {pair_text(both)}: {', '.join(names[:3]) or 'in none'}" + (", …" if names[3:] else "")
