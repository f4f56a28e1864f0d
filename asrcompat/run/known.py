"""What is known already: a cell is not run again while the content of all that can change its outcome is the same.

A key is made of content alone, so a result counts wherever it was found: a file that another machine of the same
platform or an earlier run left in the results' folder is as good as one that was made here.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from asrcompat.model import Cell, Device, Environment, EnvironmentResult, Outcome
from asrcompat.run import host

if TYPE_CHECKING:
    from asrcompat.run.cells import Settings
    from asrcompat.run.lock import Lock
    from asrcompat.run.session import Locked

# These say nothing of the packages: nothing is known by them.
_NO_VERDICT = frozenset({Outcome.ERROR, Outcome.UNAVAILABLE})
# Limits of time and memory are reached on one day and not on another: what else the machine does is in no key.
_BY_THE_DAY = frozenset({"DeadlineExceeded", "SilenceExceeded", "MemoryLimitExceeded"})


def content_of(path: str, device: Device, source: Locked, settings: Settings, *, code: str) -> str:
    """The key of a cell: lock, interpreter, platform, device, and by `code` (`run.code`) probe, fixtures and limits.

    The threads are not in it: what they change of the features is far below the tolerance.
    """
    facts: list[Any] = [
        [path, device.value, source.lock.sha256, code, settings.model, settings.weights],
        [source.interpreter.version, source.interpreter.modules],
        [host.platform_facts(), host.cuda_facts() if device is Device.CUDA else None],
        [settings.probe.seed, settings.probe.trials, settings.limits.train_seconds, sorted(settings.findings.items())],
    ]
    return sha256(json.dumps(facts).encode()).hexdigest()[:32]


def with_content(result: EnvironmentResult, source: Locked, settings: Settings, *, code: str) -> EnvironmentResult:
    """The result of a session with the key of each of its cells."""
    cells = (
        replace(cell, content=content_of(cell.path, cell.device, source, settings, code=code)) for cell in result.cells
    )
    return replace(result, cells=tuple(cells))


def known_cells(
    kept: EnvironmentResult,
    source: Locked,
    settings: Settings,
    *,
    code: str,
    again: Collection[Outcome] = (),
    unbuilt_hours: float,
) -> frozenset[tuple[str, Device]]:
    """Those of the settings' paths and devices that need not be run, because `kept` holds their cells.

    Of outcomes in `again` none is known. What could not be installed, or ran into a limit, is believed for
    `unbuilt_hours`: a compiler or a library of this machine may be another by then, or the machine less busy. Of the
    real checkpoint's weights nothing is known: their repository may have changed.
    """
    if not is_of(kept, source, code) or settings.weights == "hub":
        return frozenset()
    wanted = {(path, device) for path in settings.paths for device in settings.devices}
    return frozenset(
        (cell.path, cell.device)
        for cell in kept.cells
        if (cell.path, cell.device) in wanted
        and cell.outcome not in {*_NO_VERDICT, *again}
        and cell.content == content_of(cell.path, cell.device, source, settings, code=code)
        and (_lasts(cell) or _hours_since(_moment(cell, kept.environment)) < unbuilt_hours)
    )


def restated(kept: EnvironmentResult, environment: Environment) -> EnvironmentResult:
    """A result of which all is known, with what the newest resolution says of its environment."""
    before = kept.environment
    found = replace(
        environment,
        installable=before.installable,
        reason=before.reason if before.installable == "failed" else environment.reason,
        build=before.build,
        seconds=before.seconds,
        ran_at=before.ran_at,
        commit=before.commit,
        code=before.code,
    )
    return replace(kept, environment=found)


def taken_over(
    kept: EnvironmentResult, environment: Environment, source: Locked, wanted: Collection[tuple[str, Device]]
) -> EnvironmentResult | None:
    """What was found of another id's cells `wanted`, told of `environment`; None where that is nothing of its own lock.

    Only what was run is taken, and its evidence says as what it was.
    """
    there = kept.environment
    if there.lock_sha256 != source.lock.sha256 or there.installable != "ok" or there.host or there.derived_from:
        return None
    if not built_alike(there, environment, source.lock):
        return None
    cells = tuple(
        replace(
            cell,
            environment=environment.id,
            evidence=replace(cell.evidence, ran_as=None if (ran := _ran_as(cell)) == environment.id else ran),
        )
        for cell in kept.cells
        if cell.evidence is not None and (cell.path, cell.device) in wanted
    )
    return replace(restated(kept, environment), cells=cells) if cells else None


def _ran_as(cell: Cell) -> str:
    return cell.environment if cell.evidence is None else cell.evidence.ran_as or cell.environment


def built_alike(one: Environment, other: Environment, lock: Lock) -> bool:
    """Whether two environments of one lock have the same in them.

    What has to be built is built with what an index holds, as of a day: neither is in the lock.
    """
    return not lock.sources or (one.index, one.as_of) == (other.index, other.as_of)


def with_known(
    kept: EnvironmentResult | None, other: EnvironmentResult, known: Collection[tuple[str, Device]]
) -> EnvironmentResult:
    """What was kept of an environment, if anything, with the cells of `other` that are `known`.

    What was kept of one that could not be built then says nothing of one that could.
    """
    taken = tuple(cell for cell in other.cells if (cell.path, cell.device) in known)
    if kept is None or kept.environment.installable != "ok":
        return replace(other, cells=taken)
    return replace(kept, cells=(*(cell for cell in kept.cells if (cell.path, cell.device) not in known), *taken))


def _lasts(cell: Cell) -> bool:
    """Whether a cell comes out the same on another day."""
    return cell.evidence is not None and cell.exception not in _BY_THE_DAY


def _moment(cell: Cell, environment: Environment) -> str | None:
    """When a cell was found: a later run of others in its environment makes it no younger."""
    return environment.ran_at if cell.evidence is None else cell.evidence.started


def is_of(kept: EnvironmentResult, source: Locked, code: str) -> bool:
    """Whether a result is of this lock and was found by this code."""
    return kept.environment.lock_sha256 == source.lock.sha256 and kept.environment.code == code


def _hours_since(moment: str | None) -> float:
    """Hours since a moment; where the clock went backwards, or there is none, for ever."""
    if moment is None:
        return float("inf")
    try:
        hours = (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds() / 3600
    except (ValueError, TypeError):  # a file from elsewhere may say anything
        return float("inf")
    return hours if hours >= 0 else float("inf")
