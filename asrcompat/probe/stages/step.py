"""Stage ``step``: what a user's training stands on.

One optimiser step over all that trains changes it, and leaves it finite; what it made can be saved and loaded again;
and a frozen encoder stays as it is while the rest is trained.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Set

from ..arrays import is_finite
from ..cell import CheckFailed, Passed
from . import _frozen, _memory, _round_trip
from .backward import kept_from_training, parts

if TYPE_CHECKING:
    from ..cell import Cell

LEARNING_RATE = 1e-4


def run(cell: Cell) -> None:
    """Step on the gradients of `backward`, save and load the outcome; then, from what was loaded, step frozen."""
    _memory.reset(cell)
    cell.check("step", lambda: _step(cell))
    cell.subject.model.zero_grad(set_to_none=True)
    cell.check("round-trip", lambda: _round_trip.check(cell))
    cell.check("frozen", lambda: _frozen.check(cell))
    _memory.tell(cell)


def optimiser(model: Any) -> Any:
    """Adam over all that trains: its steps have the size of the learning rate, however small the gradient."""
    import torch

    return torch.optim.Adam([one for one in model.parameters() if one.requires_grad], lr=LEARNING_RATE)


def moved(cell: Cell) -> Set[int]:
    """The ids of the parameters that are no longer what was loaded."""
    import torch

    loaded = cell.snapshot or {}
    named = cell.subject.model.named_parameters()
    return {id(one) for name, one in named if not torch.equal(one.detach().cpu(), loaded[name])}


def _step(cell: Cell) -> Passed:
    if moved(cell):
        raise CheckFailed("%d parameters changed before any step" % len(moved(cell)))
    optimiser(cell.subject.model).step()
    changed = moved(cell)
    of = 0
    for part, parameters in parts(cell.subject).items():
        of += len(parameters)
        if part not in kept_from_training(cell.subject) and not any(id(one) in changed for one in parameters):
            raise CheckFailed("the step changed nothing in: " + part)
        if not all(is_finite(one) for one in parameters):
            raise CheckFailed("the step left values that are not finite in: " + part)
    return Passed("%d of %d parameters changed" % (len(changed), of), changed=len(changed), of=of)
