"""Check ``round-trip``: a stepped model, saved and loaded into a fresh one, gives the same features there.

On one short utterance: equality of features is what is asked, and the encoder's every layer has a part in them.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, List

from ..arrays import largest, largest_difference, speech_of
from ..cell import CannotTell, CheckFailed, Passed

if TYPE_CHECKING:
    from ..cell import Cell

_SAMPLES = 6400


def check(cell: Cell) -> Passed:
    """Through a file, as `torch.save` and `torch.load` make and read it."""
    import torch

    file = os.path.join(cell.context.folder, "round-trip.pt")
    try:
        _save(cell.subject.model.state_dict(), file)
        fresh = cell.load()
        published = _layers(cell, fresh)
        fresh.model.load_state_dict(torch.load(file, map_location=cell.device))
        size = os.path.getsize(file)
    finally:
        if os.path.exists(file):
            os.remove(file)
    stepped = _layers(cell, cell.subject)
    difference = _largest(_layers(cell, fresh), stepped)
    learnt = _largest(published, stepped)
    tolerance = cell.settings["tolerance"]
    data = {"difference": difference, "from_published": learnt, "bytes": size}
    if not learnt > tolerance:
        raise CannotTell("the step moved the features by %.2g only: a lost one would not be seen" % learnt)
    if not difference <= tolerance:
        message = "saved and loaded again, the features differ by %.2g (from those as published by %.2g)"
        raise CheckFailed(message % (difference, learnt), **data)
    message = "saved and loaded again, the features differ by %.2g, where the step moved them by %.2g"
    return Passed(message % (difference, learnt), **data)


def _save(values: Any, file: str) -> None:
    """By `torch.save` into memory, and from there by Python: torch tells of a full disk as if it were its own fault."""
    import torch

    saved = io.BytesIO()
    torch.save(values, saved)
    with open(file, "wb") as target:
        target.write(saved.getbuffer())


def _layers(cell: Cell, subject: Any) -> List[Any]:
    import torch

    subject.model.eval()
    batch = speech_of(cell.settings, _SAMPLES)
    with torch.no_grad():
        features = subject.features(batch.speech, batch.lengths)
    return [*features.layers, features.output]


def _largest(mine: List[Any], others: List[Any]) -> float:
    return largest([largest_difference(one, other) for one, other in zip(mine, others)])
