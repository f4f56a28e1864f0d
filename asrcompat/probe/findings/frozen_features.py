"""A frozen encoder in train mode: whether its features stay equal from pass to pass, as who freezes it may expect.

Told and not judged: both answers are the packages working as they are meant to. The check's `difference` has the
answer, and the claim about freezing judges by that; the check fails where a pass does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List

from ..arrays import largest_difference, speech_of
from ..cell import CheckFailed, Passed
from ..record import describe_exception

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "step"
GROUP = "finetuning"
PATHS = None

_SAMPLES = 16_000


def run(cell: Cell) -> None:
    """Two passes over the same speech, all in train mode; then with the encoder in evaluation mode."""
    for parameter in cell.subject.upstream.parameters():
        parameter.requires_grad_(False)
    cell.check("frozen-features", lambda: _passes(cell, "train"))
    cell.check("frozen-features-eval", lambda: _passes(cell, "evaluation"))


def _passes(cell: Cell, mode: str) -> Passed:
    import torch

    batch = speech_of(cell.settings, _SAMPLES)
    torch.manual_seed(cell.settings["seed"])
    cell.subject.model.train()
    cell.subject.upstream.train(mode == "train")
    found: List[Any] = []
    try:
        with torch.no_grad():
            found.extend(cell.subject.features(batch.speech, batch.lengths).output for _ in range(2))
    except Exception as error:
        raised = describe_exception(error)
        message = "the frozen encoder in %s mode fails at pass %d: %s: %s"
        raise CheckFailed(
            message % (mode, len(found) + 1, raised["exception"], raised["message"]), traceback=raised["traceback"]
        ) from error
    difference = largest_difference(*found)
    data = {"difference": difference, "spread": float(found[0].std())}
    if difference == 0:
        return Passed("two passes of the frozen encoder in %s mode give equal features" % mode, **data)
    message = (
        "no parameter changes, and yet two passes of the frozen encoder in %s mode differ by up to %.2g (spread %.2g): "
        "what it drops and masks at random is still on"
    )
    return Passed(message % (mode, difference, data["spread"]), **data)
