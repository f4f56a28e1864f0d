"""What changed since the report that a report is published over: a compact record, kept in the results themselves.

A report that tells of the same runs again (a remedy was tried meanwhile, or a form is another) keeps the record that it
had: nothing was run since, and what changed last is still what changed last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from asrcompat.explain.changed import Changed, Edition, Kind, changed
from asrcompat.model import Changes, Device, Difference, Moved, Results
from asrcompat.spec import request_id

WORSE = frozenset({Kind.REGRESSED, Kind.UNSTABLE, Kind.OTHERWISE})


def changes(before: Edition | None, after: Edition, *, folder: str) -> Changes | None:
    """What changed from one report to the one that replaces it in `folder`.

    None where there was none, or none that can be compared: of other weights or another profile more differs than
    packages.
    """
    if before is None or _kind_of(before.results) != _kind_of(after.results):
        return None
    if _runs(before.results) == _runs(after.results):
        return before.results.changes
    found = changed(before, after)
    return Changes(
        generated_at=before.results.generated_at,
        commit=before.results.harness.get("commit"),
        folder=folder,
        differences=tuple(_together(found)),
        moved=tuple(_moved(found, before)),
    )


def kept_locks(told: Changes | None, before: Edition | None) -> tuple[Changes | None, dict[str, str]]:
    """The record, and the earlier locks that it names with their texts; one that is gone is not named any more."""
    if told is None or before is None:
        return told, {}
    locks = _locks(before.results)
    carried = told is before.results.changes
    texts = {}
    for one in told.moved:
        text = before.locks.get((one.lock or "") if carried else locks.get(one.environment, ""))
        if one.lock is not None and text is not None:
            texts[one.lock] = text
    moved = tuple(one if one.lock in texts else replace(one, lock=None) for one in told.moved)
    return replace(told, moved=moved), texts


def _kind_of(results: Results) -> tuple[str, ...]:
    return results.model, results.weights, results.profile


def _runs(results: Results) -> set[tuple[str, str]]:
    """The runs that a report tells of, without those on environments that people had."""
    return {(one.id, one.ran_at or results.generated_at) for one in results.environments if one.host is None}


def _locks(results: Results) -> dict[str, str]:
    """The locks' names by environment, which may be called as another build of torch was asked for."""
    locks = {one.id: one.lock for one in results.environments if one.lock is not None and one.host is None}
    return {**{request_id(name): lock for name, lock in locks.items()}, **locks}


def _together(found: Sequence[Changed]) -> Iterator[Difference]:
    """Cells of one environment that changed alike."""
    groups: dict[tuple[object, ...], list[Changed]] = {}
    for one in found:
        key = (one.kind, one.environment, one.before, one.after, one.culprit, one.suspects)
        groups.setdefault(key, []).append(one)
    for of in groups.values():
        first = of[0]
        yield Difference(
            kind=first.kind.value,
            environment=first.environment,
            cells=tuple((one.path, Device(one.device)) for one in of),
            before=first.before or None,
            after=first.after or None,
            culprit=first.culprit,
            suspects=first.suspects,
        )


def _moved(found: Sequence[Changed], before: Edition) -> Iterator[Moved]:
    locks = _locks(before.results)
    both = [one for one in found if one.before and one.after]
    for environment in dict.fromkeys(one.environment for one in both):
        of = [one for one in both if one.environment == environment]
        lock = locks.get(environment)
        # to tell several apart, both locks have to be there
        wanted = of[0].whole and bool(of[0].moved) and any(one.kind in WORSE for one in of)
        yield Moved(
            environment=environment,
            versions=dict(of[0].moved),
            whole=of[0].whole,
            code=of[0].code,
            lock=f"{lock.removesuffix('.txt')}.before.txt" if lock is not None and wanted else None,
        )
