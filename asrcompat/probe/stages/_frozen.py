"""Check ``frozen``: without ``requires_grad``, the encoder stays as it was loaded while what is on top is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cell import CheckFailed, Passed
from . import forward, step

if TYPE_CHECKING:
    from ..cell import Cell


def check(cell: Cell) -> Passed:
    """Begins from what was loaded; what trained before trains again afterwards."""
    model = cell.subject.model
    trained = [(one, one.requires_grad) for one in model.parameters()]
    cell.restore()
    for one in cell.subject.upstream.parameters():
        one.requires_grad_(False)
    try:
        return _step(cell)
    finally:
        model.zero_grad(set_to_none=True)
        for one, flag in trained:
            one.requires_grad_(flag)


def _step(cell: Cell) -> Passed:
    model = cell.subject.model
    frozen = {id(one) for one in cell.subject.upstream.parameters()}
    forward.train_without_chance(cell.subject)
    forward.short_loss(cell).value.backward()
    names = {id(one): name for name, one in model.named_parameters()}
    reached = [names[id(one)] for one in model.parameters() if id(one) in frozen and one.grad is not None]
    if reached:
        raise CheckFailed("gradients arrive at %d frozen parameters: %s" % (len(reached), ", ".join(reached)))
    step.optimiser(model).step()
    changed = step.moved(cell)
    if changed & frozen:
        thawed = sorted(names[one] for one in changed & frozen)
        raise CheckFailed("the step changed %d frozen parameters: %s" % (len(thawed), ", ".join(thawed)))
    if not changed:
        raise CheckFailed("with the encoder frozen, the step changed nothing at all")
    above = len(names) - len(frozen)
    message = "%d parameters of the encoder as loaded and without gradients; %d of %d on top changed"
    return Passed(message % (len(frozen), len(changed), above), frozen=len(frozen), changed=len(changed), of=above)
