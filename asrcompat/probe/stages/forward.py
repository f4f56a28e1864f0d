"""Stage ``forward``: a labelled batch gives a finite loss, in train mode with all that is random off: no coin toss.

Train mode, because in evaluation mode some toolkits do more than the loss (ESPnet also counts errors, with packages
that it does not declare). That is a check of its own, ``validation``: not required, since no step needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..arrays import train_batch
from ..ladder import CheckFailed, Passed

if TYPE_CHECKING:
    from ..ladder import Cell


def run(cell: Cell) -> None:
    """One loss, which stays on the cell for `backward`; before it, one as validation would compute it."""
    cell.check("validation", lambda: _validation(cell), required=False)
    train_without_chance(cell.subject)
    cell.loss = cell.check("loss", lambda: finite_loss(cell))


def train_without_chance(subject: Any) -> None:
    """Train mode, but for the encoder (which drops layers and masks time at random) and every dropout."""
    import torch

    subject.model.train()
    subject.upstream.eval()
    for module in subject.model.modules():
        if isinstance(module, torch.nn.modules.dropout._DropoutNd):
            module.eval()


def finite_loss(cell: Cell, trial: int = 0) -> Any:
    """The loss of a trial's batch; raises `CheckFailed` where it is not finite."""
    batch = train_batch(cell.settings, trial)
    loss = cell.subject.loss(batch.speech, batch.lengths, batch.labels, batch.label_lengths)
    value = float(loss.detach())
    if not bool(loss.detach().isfinite().all()):
        raise CheckFailed("the loss is %r" % value, loss=repr(value))
    return Passed("loss %.4g" % value, value=loss, loss=value)


def _validation(cell: Cell) -> Passed:
    import torch

    cell.subject.model.eval()
    with torch.no_grad():
        passed: Passed = finite_loss(cell)
    passed.value = None
    return passed
