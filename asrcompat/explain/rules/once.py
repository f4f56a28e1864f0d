"""One run that is told of two environments is one observation: chance is not a smaller one because of that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asrcompat.model import Cell

_Run = tuple[str, str, int, str, str]


def each_run_once(cells: Sequence[Cell]) -> Iterator[Cell]:
    """The cells without those that tell of a run as another environment's, of the same lock, which is among them."""
    own = {_run(cell) for cell in cells if not _is_shared(cell)}
    told: set[_Run] = set()
    for cell in cells:
        run = _run(cell)
        if run is not None and _is_shared(cell):
            if run in own or run in told:
                continue
            told.add(run)
        yield cell


def _is_shared(cell: Cell) -> bool:
    return cell.evidence is not None and cell.evidence.ran_as is not None


def _run(cell: Cell) -> _Run | None:
    """Which run a cell tells of; None where nothing ran."""
    one = cell.evidence
    return None if one is None else (cell.path, cell.device, one.pid, one.started, one.log_sha256)
