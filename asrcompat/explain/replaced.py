"""What changed since the report that a report is published over: a compact record, kept in the results themselves.

Verdicts are compared with verdicts: of a cell that was run anew with the last one that it had (`explain.last`), however
long ago. What was not run anew keeps what was told of it: where only one environment was run again, or a remedy was
tried meanwhile, what changed last in the others is still what changed last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from asrcompat.explain.changed import Changed, Edition, Found, Kind, Pair, compared, paired
from asrcompat.explain.last import has_verdict, is_awaited, kept_name, last_verdicts
from asrcompat.model import Changes, Device, Difference, Environment, LastVerdicts, Moved, Results
from asrcompat.spec import request_id

WORSE = frozenset({Kind.REGRESSED, Kind.UNSTABLE, Kind.OTHERWISE})
_ORDER = [kind.value for kind in Kind]
_PASSING = ("gone", "undecided")  # told once: there is no later run of these cells that would end it


@dataclass(frozen=True, kw_only=True)
class Story:
    """The record, the last verdicts of cells that have none now, and the earlier locks that both name, as texts."""

    changes: Changes | None = None
    last: tuple[LastVerdicts, ...] = ()
    locks: Mapping[str, str] = field(default_factory=dict)


def story(before: Edition | None, after: Edition, *, folder: str) -> Story:
    """What changed from one report to the one that replaces it in `folder`.

    Nothing where there was none, or none that can be compared: of other weights or another profile more differs than
    packages.
    """
    if before is None or _kind_of(before.results) != _kind_of(after.results):
        return Story()
    pairs = list(paired(before, after))
    last, texts = last_verdicts(pairs, after, before.locks)
    fresh = [pair for pair in pairs if _is_fresh(pair, before, after)]
    told = before.results.changes
    if not fresh:
        moved, kept = _with_locks([(one, one.lock) for one in (told.moved if told is not None else ())], before.locks)
        return Story(changes=told and replace(told, moved=moved), last=last, locks={**texts, **kept})
    found = [one for pair in fresh if (one := compared(pair, before, after)) is not None]
    found.sort(key=lambda one: _ORDER.index(one.kind.value))
    carried = [] if told is None else list(_carried(told, {_place(key) for key, _, _ in fresh}))
    earlier = {key[0]: old[0] for key, old, _ in reversed(fresh) if old is not None}
    moved, kept = _with_locks(_all_moved(found, carried, told, earlier), before.locks)
    changes = Changes(
        generated_at=before.results.generated_at,
        commit=before.results.harness.get("commit"),
        folder=folder,
        differences=tuple(sorted([*_together(found), *carried], key=lambda one: _ORDER.index(one.kind))),
        moved=moved,
    )
    return Story(changes=changes, last=last, locks={**texts, **kept})


def _kind_of(results: Results) -> tuple[str, ...]:
    return results.model, results.weights, results.profile


def _is_fresh(pair: Pair, before: Edition, after: Edition) -> bool:
    """Whether a report says of a cell what the one before did not know: a verdict of a run of its own, or its end."""
    _, old, new = pair
    if new is None:
        return has_verdict(old) and not is_awaited(pair, after)
    if not has_verdict(new):
        return False
    return old is None or not has_verdict(old) or not _of_one_run(old, new, before, after)


def _of_one_run(old: Found, new: Found, before: Edition, after: Edition) -> bool:
    """Whether two verdicts are one; a run of other cells in its environment makes a cell no newer."""
    moments = old[0].ran_at or before.results.generated_at, new[0].ran_at or after.results.generated_at
    if moments[0] == moments[1]:
        return True
    runs = [one and (one.pid, one.started, one.log_sha256) for one in (old[1].evidence, new[1].evidence)]
    return runs[0] is not None and runs[0] == runs[1]


def _place(key: tuple[str, str, str]) -> tuple[str, str, str]:
    """A cell by its request's name, whichever build of torch it is of."""
    return request_id(key[0]), key[1], key[2]


def _carried(told: Changes, fresh: set[tuple[str, str, str]]) -> Iterator[Difference]:
    """What was told of cells that were not run anew, with the report that they were compared with."""
    for one in told.differences:
        cells = tuple(cell for cell in one.cells if _place((one.environment, *cell)) not in fresh)
        if cells and one.kind not in _PASSING:
            yield replace(one, cells=cells, since=one.since or told.generated_at)


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


def _all_moved(
    found: Sequence[Changed],
    carried: Sequence[Difference],
    told: Changes | None,
    earlier: Mapping[str, Environment],
) -> list[tuple[Moved, str | None]]:
    """What moved, once for each environment, with how its earlier lock is called in the report before.

    Where cells of an environment were run again alone, it is what their fellows changed by.
    """
    kept = {one.environment for one in carried}
    old = {one.environment: one for one in (told.moved if told is not None else ()) if one.environment in kept}
    new = {one.environment: one for one in _moved(found, earlier)}
    stays = {name for name, one in old.items() if one.versions or name not in new}
    return [
        (old[name], old[name].lock) if name in stays else (new[name], earlier[name].lock) for name in {**old, **new}
    ]


def _moved(found: Sequence[Changed], earlier: Mapping[str, Environment]) -> Iterator[Moved]:
    both = [one for one in found if one.before and one.after]
    for environment in dict.fromkeys(one.environment for one in both):
        of = [one for one in both if one.environment == environment]
        lock = earlier[environment].lock
        # to tell several apart, both locks have to be there
        wanted = of[0].whole and bool(of[0].moved) and any(one.kind in WORSE for one in of)
        yield Moved(
            environment=environment,
            versions=dict(of[0].moved),
            whole=of[0].whole,
            code=of[0].code,
            lock=kept_name(lock, "before") if lock is not None and wanted else None,
        )


def _with_locks(
    moved: Sequence[tuple[Moved, str | None]], locks: Mapping[str, str]
) -> tuple[tuple[Moved, ...], dict[str, str]]:
    """What moved, and the texts of the locks that it names; one that is gone is not named any more."""
    texts: dict[str, str] = {}
    for one, source in moved:
        if one.lock is not None and (text := locks.get(source or "")) is not None:
            texts[one.lock] = text
    return tuple(one if one.lock in texts else replace(one, lock=None) for one, _ in moved), texts
