"""Stage ``forward``: a labelled batch gives a finite loss, in train mode with all that is random off: no coin toss.

Train mode, because in evaluation mode some toolkits do more than the loss (ESPnet also counts errors, with packages
that it does not declare). That is a check of its own, ``validation``: not required, since no step needs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..arrays import is_finite, train_batch
from ..cell import CheckFailed, Passed

if TYPE_CHECKING:
    from ..cell import Cell


def run(cell: Cell) -> None:
    """One loss, which stays on the cell for `backward`; before it, one as validation would compute it."""
    cell.check("validation", lambda: _validation(cell), required=False)
    train_without_chance(cell.subject)
    cell.loss = cell.check("loss", lambda: short_loss(cell))


def train_without_chance(subject: Any) -> None:
    """Train mode, but for the encoder (which drops layers and masks time at random) and every dropout."""
    import torch

    subject.model.train()
    subject.upstream.eval()
    for module in subject.model.modules():
        if isinstance(module, torch.nn.modules.dropout._DropoutNd):
            module.eval()


def short_loss(cell: Cell) -> Any:
    """The loss of about one second of labelled speech, two utterances."""
    return finite_loss(cell, train_batch(cell.settings, seconds=1))


def finite_loss(cell: Cell, batch: Any) -> Any:
    """The loss of a batch; raises `CheckFailed` where it is not finite."""
    loss = cell.subject.loss(batch.speech, batch.lengths, batch.labels, batch.label_lengths)
    value = float(loss.detach())
    if not is_finite(loss):
        raise CheckFailed("the loss is %r" % value, loss=repr(value))
    return Passed("loss %.4g" % value, value=loss, loss=value)


def _validation(cell: Cell) -> Passed:
    import torch

    cell.subject.model.eval()
    with torch.no_grad():
        passed: Passed = short_loss(cell)
    passed.value = None
    return passed
