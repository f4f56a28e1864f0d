"""What an earlier report tells of searches that nobody has made again: remedies and boundaries.

Both are of an environment's lock and of how a cell fared in it. Where these are as they were, what was seen then is
still what was seen, on its day and by its commit. That the harness's own code has changed since is told with it
(`by_earlier_code`), and a search by the present code takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from asrcompat.explain.remedies.record import Record, about, failed
from asrcompat.explain.remedies.trial import NO_VERDICT, Place, place
from asrcompat.model import Boundary, Cell, Environment, Remedy, Results


def by_earlier_code(found: Remedy | Boundary, environment: Environment) -> bool:
    """Whether other code found it than the one that probed and judged its environment as that is reported now."""
    return found.code is not None and found.code != environment.code


def in_words(remedy: Remedy, environment: Environment) -> str:
    """When a remedy was seen, where earlier code saw it; nothing where the present one did."""
    if not by_earlier_code(remedy, environment):
        return ""
    day = (remedy.ran_at or "").partition("T")[0]
    return " ".join(filter(None, ("seen", day and f"on {day}", f"by earlier code of this project ({remedy.commit})")))


def remedies(results: Results, before: Results, records: Mapping[str, Record]) -> Iterator[Remedy]:
    """The remedies that an earlier report tells of cells which fail now as they did then.

    Nothing of a cell that a record known here (`records`, by environment) speaks of, nor of changes that it tells of.
    """
    for now, then, cells in _unchanged(results, before):
        record = records.get(now.id)
        known = () if record is None else tuple(one.id for one in record.remedies)
        places = {place(cell) for cell in cells if record is None or not record.speaks_of(cell)}
        for remedy in before.remedies:
            if remedy.environment == now.id and remedy.id not in known and (told := about(remedy, places)) is not None:
                yield replace(told, code=told.code or then.code)


def boundaries(results: Results, before: Results, known: Sequence[Boundary]) -> Iterator[Boundary]:
    """The boundaries that an earlier report tells of cells which fare now as they did then; but for those `known`."""
    questions = {_question(one) for one in known}
    for now, _, cells in _unchanged(results, before):
        places = {place(cell) for cell in cells}
        for one in before.boundaries:
            if one.environment == now.id and _place(one) in places and _question(one) not in questions:
                yield one


def _unchanged(results: Results, before: Results) -> Iterator[tuple[Environment, Environment, list[Cell]]]:
    """Environments of the same packages now and then, with the cells of now that fare as they did."""
    if (results.model, results.weights) != (before.model, before.weights):
        return
    earlier = {one.id: one for one in before.environments}
    fared = {cell.key: failed(cell) for cell in before.cells}
    for now in results.environments:
        then = earlier.get(now.id)
        if then is None or then.code is None or now.lock_sha256 is None or now.lock_sha256 != then.lock_sha256:
            continue
        own = (cell for cell in results.cells if cell.environment == now.id and cell.outcome not in NO_VERDICT)
        yield now, then, [cell for cell in own if fared.get(cell.key) == failed(cell)]


def _place(one: Boundary) -> Place:
    return one.path, one.device.value


def _question(one: Boundary) -> tuple[object, ...]:
    return one.environment, one.axis, one.path, one.device, one.stage, one.direction
