"""Stage ``step``: one optimiser step changes the parameters that it should, and leaves them finite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ladder import CheckFailed, Passed
from .backward import parts

if TYPE_CHECKING:
    from ..ladder import Cell

LEARNING_RATE = 1e-4


def run(cell: Cell) -> None:
    """Step on the gradients of `backward`."""
    cell.check("step", lambda: _step(cell.subject))
    cell.subject.model.zero_grad()


def optimiser(model: Any) -> Any:
    """Adam over all that trains: its steps have the size of the learning rate, however small the gradient."""
    import torch

    return torch.optim.Adam([one for one in model.parameters() if one.requires_grad], lr=LEARNING_RATE)


def _step(subject: Any) -> Passed:
    before = {id(one): one.detach().clone() for one in subject.model.parameters()}
    optimiser(subject.model).step()
    changed = 0
    for part, parameters in parts(subject).items():
        moved = [one for one in parameters if not bool((one.detach() == before[id(one)]).all())]
        if not moved:
            raise CheckFailed("the step changed nothing in: " + part)
        if any(not bool(one.detach().isfinite().all()) for one in moved):
            raise CheckFailed("the step left values that are not finite in: " + part)
        changed += len(moved)
    return Passed("%d of %d parameters changed" % (changed, len(before)), changed=changed, of=len(before))
