"""More labels than frames, as a wrong transcript or too short a recording gives: what loss, and is anything said.

A loss or gradients that are not finite and of which nothing is said fail: training goes on with nan everywhere.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, List

from ..arrays import is_finite, train_batch
from ..cell import CheckFailed, Passed
from ..stages._listening import listening
from ..stages.forward import train_without_chance

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "forward"
GROUP = "finetuning"
PATHS = None

_REPEAT = 30  # of four or more letters, to some forty frames


def run(cell: Cell) -> None:
    """One utterance with too many labels beside one that is in order."""
    cell.check("long-labels", lambda: _long(cell))


def _long(cell: Cell) -> Passed:
    train_without_chance(cell.subject)
    usual: List[str] = []
    _said(cell, train_batch(cell.settings, seconds=1), usual)
    batch = train_batch(cell.settings, seconds=1, repeat=_REPEAT)
    said: List[str] = []
    loss = _said(cell, batch, said)
    said = [one for one in said if one not in usual]
    gradients = [one.grad for one in cell.subject.model.parameters() if one.grad is not None]
    lost = sum(not is_finite(one) for one in gradients)
    still = sum(not one.count_nonzero() for one in gradients)
    value = float(loss.detach())
    told = (
        "%d labels beside an utterance in order: the loss is %.4g; of %d gradients %d are not finite and %d are zero; "
    )
    told %= (int(batch.label_lengths[-1]), value, len(gradients), lost, still)
    told += "said: " + "; ".join(said)[:1000] if said else "nothing is said"
    data = {"loss": repr(value), "gradients": len(gradients), "not_finite": lost, "zero": still, "said": said}
    if (lost or not math.isfinite(value)) and not said:
        raise CheckFailed(told, **data)
    return Passed(told, **data)


def _said(cell: Cell, batch: Any, said: List[str]) -> Any:
    cell.subject.model.zero_grad(set_to_none=True)
    with listening(said):
        loss = cell.subject.loss(batch.speech, batch.lengths, batch.labels, batch.label_lengths)
        loss.backward()
    return loss
