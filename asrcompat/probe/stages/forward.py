"""Stage ``forward``: a labelled batch gives a finite loss. Dropout and layer dropping are off: this is no coin toss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..arrays import train_batch
from ..ladder import CheckFailed, Passed

if TYPE_CHECKING:
    from ..ladder import Cell


def run(cell: Cell) -> None:
    """One loss; it stays on the cell for `backward`."""
    cell.subject.model.eval()
    cell.loss = cell.check("loss", lambda: finite_loss(cell))


def finite_loss(cell: Cell, trial: int = 0) -> Any:
    """The loss of a trial's batch; raises `CheckFailed` where it is not finite."""
    batch = train_batch(cell.settings, trial)
    loss = cell.subject.loss(batch.speech, batch.lengths, batch.labels, batch.label_lengths)
    value = float(loss.detach())
    if not bool(loss.detach().isfinite().all()):
        raise CheckFailed("the loss is %r" % value, loss=repr(value))
    return Passed("loss %.4g" % value, value=loss, loss=value)
