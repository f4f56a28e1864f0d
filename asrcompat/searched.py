"""What searches found of a report's cells, here or for the report that it replaces: remedies and boundaries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from asrcompat.explain import earlier
from asrcompat.explain.bisection.kept import KeptBoundaries
from asrcompat.explain.changed import Edition
from asrcompat.explain.remedies import record
from asrcompat.explain.remedies.attach import attached, on_record, standing
from asrcompat.model import Remedy, Results
from asrcompat.options import Options
from asrcompat.run.progress import Progress


def searched(options: Options, now: Edition, before: Edition | None) -> tuple[Results, dict[str, str]]:
    """The results with what searches found, and the texts of the remedies' locks by their names.

    What the report that is replaced (`before`) tells of searches is told on, of what nothing is known here. Of a remedy
    whose lock is gone nothing is known: nobody can make it again.
    """
    results, tell = now.results, Progress().tell
    at = record.folder(options.work_folder, options.chosen_weights)
    records = on_record(results, at, warn=tell)
    known = standing(results, records)
    texts = _texts(known, at)
    lost = {one.id for one in known if one.lock is not None and one.lock not in texts}
    records = {identity: one.without(lost) for identity, one in records.items()}
    remedies = tuple(one for one in known if one.id not in lost)
    boundaries = KeptBoundaries(options.work_folder, options.chosen_weights).read(results.environments, warn=tell)
    if before is not None:
        there = _texts(before.results.remedies, options.reports_folder)
        kept = tuple(one for one in before.results.remedies if one.lock is None or one.lock in there)
        known_then = replace(before, results=replace(before.results, remedies=kept))
        remedies = earlier.remedies(now, known_then, remedies, records)
        texts = {**there, **texts}
        boundaries += tuple(earlier.boundaries(now, before, boundaries))
    places = {one.id: place for place, one in enumerate(results.environments)}
    remedies = tuple(sorted(remedies, key=lambda one: places.get(one.environment, len(places))))
    locks = {one.lock: texts[one.lock] for one in remedies if one.lock is not None}
    return replace(attached(results, remedies), boundaries=boundaries), locks


def _texts(remedies: Iterable[Remedy], folder: Path) -> dict[str, str]:
    """Their locks' texts; one that cannot be read is told."""
    found = {}
    for name in filter(None, (one.lock for one in remedies)):
        try:
            found[name] = (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            Progress().tell(f"{Path(name).name}: this remedy's lock cannot be read ({error}): run `remedy` again")
    return found
