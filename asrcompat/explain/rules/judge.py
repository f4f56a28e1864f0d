"""On which versions each failure depends: one rule for a group of failures, in place of telling it cell by cell.

A group is a signature, or the unrecognised failures of one fingerprint, on paths that fare alike. Its verdict:

- ``found``: one explanation by versions is left, or one that environments show of which nothing else was asked for
  (``asked``: the first condition of each choice is of what was, the others of what came along with it); it is
  ``controlled`` where environments that differ in its packages alone, or were asked for so, show it;
- ``undetermined``: several are, with all that are open and a run that would tell some of them apart; or one is that
  chance may have found among so many packages (`weight`);
- ``everywhere``: every environment that came so far fails so, and there is nothing to compare with;
- ``luck``: it comes and goes, and those that passed may have been lucky, so that there is nothing to compare with;
- ``incomparable``: those that do not fail were probed by other code of this project than those that do, which may be
  the whole difference;
- ``none``: no conjunction of a few conditions on versions explains it.

``experiment`` is the run to make next, on ``path`` and ``device``: one that tells some of the explanations apart, or
that could refute all that are open (it ``fails`` by none of them, or ``passes`` by none), or what was found, where that
was not sought yet.

What is open are ``alternatives``: of each, one condition out of every choice has to hold. The conditions of one choice
held in the same environments. ``seen_without`` is the nearest version beyond a bound that was seen not to fail while
the rest held: the true bound lies between the two.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from asrcompat.explain.rules.asked import asked_for
from asrcompat.explain.rules.believed import believed
from asrcompat.explain.rules.conditions import Versions
from asrcompat.explain.rules.discriminate import Move
from asrcompat.explain.rules.named import named
from asrcompat.explain.rules.once import each_run_once
from asrcompat.explain.rules.search import Observation
from asrcompat.explain.rules.verdict import Evidence, explained, verdict
from asrcompat.explain.seen import Fared, Subject, alike, fared
from asrcompat.lab.change import Change
from asrcompat.lab.experiments import Tried
from asrcompat.model import UNRECOGNISED, Environment, Results
from asrcompat.spec import request_id


def judge_rules(
    results: Results,
    locks: Mapping[str, Versions],
    *,
    bases: Collection[str] = (),
    tried: Collection[Tried] = (),
) -> Results:
    """The same results with `rules`; `locks` holds each environment's versions, transitive packages and Python too.

    Failures before there is a lock have none: what clashes there is told by the cells. `bases` are the environments of
    which a run with changes can be made, `tried` the runs that were, whether or not anything came of them.
    """
    told = [rule for group in _groups(results) for rule in _rules(group, results, locks, bases, tried)]
    return dataclasses.replace(results, rules=tuple(told))


def changes_of(moves: Iterable[Move]) -> tuple[Change, ...]:
    """An experiment's moves as the laboratory makes them."""
    return tuple(Change(kind=move.kind, value=move.value) for move in moves)


def attempt(environment: str, moves: Iterable[Move], path: str, device: str) -> Tried:
    """An experiment as the laboratory remembers it."""
    changes = frozenset(str(change) for change in changes_of(moves))
    return Tried(base=request_id(environment), changes=changes, path=path, device=device)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Group:
    """Failures of one kind: how the rule names them, and their cells."""

    name: Mapping[str, Any]
    title: str
    cells: frozenset[tuple[str, str, str]]


def _groups(results: Results) -> Iterator[_Group]:
    for one in results.signatures:
        cells = _keys(one["cells"])
        if cells:
            yield _Group(name={"signature": one["id"], "fingerprint": None}, title=str(one["title"]), cells=cells)
    for one in results.unrecognised:
        name = {"signature": UNRECOGNISED, "fingerprint": one["fingerprint"]}
        inner = one["innermost"]
        yield _Group(name=name, title=f"{inner['exception']}: {inner['message']}", cells=_keys(one["cells"]))


def _keys(places: Iterable[Mapping[str, str]]) -> frozenset[tuple[str, str, str]]:
    return frozenset((one["environment"], one["path"], one["device"]) for one in places)


def _rules(
    group: _Group,
    results: Results,
    locks: Mapping[str, Versions],
    bases: Collection[str],
    tried: Collection[Tried],
) -> Iterator[dict[str, Any]]:
    known = {cell.key: cell for cell in each_run_once([one for one in results.cells if one.environment in locks])}
    environments = {one.id: one for one in results.environments}
    seen = fared(known.values(), lambda cell, check: check is None and cell.key in group.cells)
    told = believed(seen, known)
    for subjects, everywhere in alike(told):
        together = _comparable(everywhere, environments)
        # states of the checkpoint take files that others have to make: the plain path is as good
        subject = min(subjects, key=lambda one: ("@" in one.path, one))

        def allowed(base: str, moves: tuple[Move, ...], subject: Subject = subject) -> bool:
            return base in bases and attempt(base, moves, subject.path, subject.device) not in tried

        cells = {(environment, *one.place): told[one][environment] for one in subjects for environment in told[one]}
        cells = {key: failed for key, failed in cells.items() if key[0] in together}
        failing = [known[key] for key, failed in cells.items() if failed]
        packages = {package for environment in together for package in locks[environment]}
        observations = [
            Observation(
                environment=environment,
                versions=locks[environment],
                failed=failed,
                asked=asked_for(environments[environment], locks[environment]),
                base=environments[environment].derived_from or request_id(environment),
                subjects=frozenset(one.place for one in subjects if environment in told[one]),
            )
            for environment, failed in together.items()
        ]
        evidence = Evidence(
            observations=tuple(observations),
            named=named(failing, packages),
            derived=frozenset(one for one in together if environments[one].derived_from is not None),
            allowed=allowed,
        )
        yield {
            **group.name,
            "title": group.title,
            "subjects": [{"path": one.path, "device": one.device.value} for one in sorted(subjects)],
            "failing": _counted(together, failing=True, cells=len(failing)),
            "not_failing": _counted(together, failing=False, cells=len(cells) - len(failing)),
            "path": subject.path,
            "device": subject.device.value,
            **_verdict(
                evidence,
                compared=len(together) == len(everywhere),
                doubted=any(environment not in told[one] for one in subjects for environment in seen[one]),
            ),
        }


def _counted(together: Fared, *, failing: bool, cells: int) -> dict[str, Any]:
    return {"cells": cells, "environments": [one for one, failed in together.items() if failed is failing]}


def _verdict(evidence: Evidence, *, compared: bool, doubted: bool) -> dict[str, Any]:
    """The verdict; with nothing that passed it says why: `compared` by one code, `doubted` where a pass may be luck."""
    if all(one.failed for one in evidence.observations):
        return verdict("incomparable" if not compared else "luck" if doubted else "everywhere")
    return explained(evidence)


def _comparable(together: Fared, environments: Mapping[str, Environment]) -> Fared:
    """Those that one code of this project probed, by which most of the failures were seen."""
    codes = [_code(environments[one]) for one, failed in together.items() if failed]
    code = max(dict.fromkeys(codes), key=codes.count)
    return {one: failed for one, failed in together.items() if _code(environments[one]) == code}


def _code(environment: Environment) -> str:
    """What probed it; where that is not known, nothing else was probed by the same."""
    return environment.code or f"unknown: {environment.id}"
