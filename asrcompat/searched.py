"""What searches found of a report's cells, here or for the report that it replaces: remedies and boundaries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from asrcompat.explain import earlier
from asrcompat.explain.bisection.kept import KeptBoundaries
from asrcompat.explain.changed import Edition
from asrcompat.explain.remedies import record
from asrcompat.explain.remedies.attach import attached, on_record, standing
from asrcompat.explain.remedies.told import in_order
from asrcompat.model import Remedy, Results
from asrcompat.options import Options
from asrcompat.run.progress import Progress


def searched(options: Options, now: Edition, before: Edition | None) -> tuple[Results, dict[str, str]]:
    """The results with what searches found, and the texts of the remedies' locks by their names.

    What the report that is replaced (`before`) tells of searches stands where none is known here.
    """
    results = now.results
    at = record.folder(options.work_folder, options.chosen_weights)
    records = on_record(results, at, warn=Progress().tell)
    own = standing(results, records)
    texts = _texts(own, at)
    found = KeptBoundaries(options.work_folder, options.chosen_weights).read(results.environments, warn=Progress().tell)
    if before is not None:
        old = tuple(earlier.remedies(now, before, records))
        there = _texts(old, options.reports_folder)
        own += tuple(one for one in old if one.lock is None or one.lock in there)
        texts |= there
        found += tuple(earlier.boundaries(now, before, found))
    places = {one.id: place for place, one in enumerate(results.environments)}
    ordered = sorted(in_order(own), key=lambda one: places[one.environment])
    return replace(attached(results, ordered), boundaries=found), texts


def _texts(remedies: tuple[Remedy, ...], folder: Path) -> dict[str, str]:
    """Their locks' texts; one that cannot be read is told."""
    found = {}
    for name in filter(None, (one.lock for one in remedies)):
        try:
            found[name] = (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            Progress().tell(f"{Path(name).name}: this remedy's lock cannot be read ({error}): run `remedy` again")
    return found
