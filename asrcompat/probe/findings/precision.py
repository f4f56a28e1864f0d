"""Other element types: the model as a whole in each, and in float32 under autocast.

What is asked for every line: do features and gradients come, finite ones, at every parameter that float32 gives one,
and are the features nearer to float32's than their values lie apart. On a processor without instructions for them,
half precision takes ten times as long: one short utterance it is.
"""

from __future__ import annotations

import contextlib
import math
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, ContextManager, Dict, NamedTuple, Optional, Tuple

from ..arrays import RATE, is_finite, largest_difference, speech_of, train_batch
from ..cell import CheckFailed, Passed, Skip
from ..stages import _memory
from ..stages.forward import train_without_chance

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "forward"
GROUP = "precision"
PATHS = None

_SECONDS = 0.4
_HALVES = ("bfloat16", "float16")


class Line(NamedTuple):
    """What the other lines are measured by: float32's features, and to how many parameters gradients come."""

    output: Any
    gradients: int


def run(cell: Cell) -> None:
    """float32 first: the others are measured by it."""
    reference = cell.check("float32", lambda: _line(cell, cell.subject))
    for kind in _HALVES:
        cell.check("autocast-" + kind, partial(_autocast, cell, kind, reference))
    for kind in _HALVES:
        cell.check(kind, partial(_cast, cell, kind, reference))


def _autocast(cell: Cell, kind: str, reference: Optional[Line]) -> Passed:
    import torch

    element = getattr(torch, kind)

    def context() -> ContextManager[Any]:
        autocast: ContextManager[Any] = torch.autocast(cell.device, dtype=element)
        return autocast

    # an element type that it does not know on this device switches it off, with a warning at most
    with context():
        ones = torch.ones(1, 1, device=cell.device)
        found = (ones @ ones).dtype
    if found != element:
        raise Skip("this torch's autocast has no %s on %s: products stay %s" % (kind, cell.device, found))
    return _line(cell, cell.subject, reference, context)


def _cast(cell: Cell, kind: str, reference: Optional[Line]) -> Passed:
    """On a subject of its own, since a cast cannot be taken back; speech is cast with it."""
    import torch

    subject = cell.load()
    subject.model.to(getattr(torch, kind))
    return _line(cell, subject, reference, element=getattr(torch, kind))


def _line(
    cell: Cell,
    subject: Any,
    reference: Optional[Line] = None,
    context: Callable[[], ContextManager[Any]] = contextlib.nullcontext,
    element: Optional[Any] = None,
) -> Passed:
    _memory.reset(cell)
    output = _features(cell, subject, context, element)
    data: Dict[str, Any] = {"element": str(output.dtype).rpartition(".")[2]}
    if not is_finite(output):
        raise CheckFailed("features are not finite", **data)
    told = "%s features" % data["element"]
    if reference is not None:
        data["difference"] = largest_difference(output, reference.output)
        data["spread"] = float(reference.output.std())
        told += ", which differ by up to %(difference).2g from float32's (spread %(spread).2g)" % data
        if not data["difference"] < data["spread"]:
            raise CheckFailed(told + ": these are not the same features", **data)
    loss, gradients, lost = _differentiated(cell, subject, context, element)
    data.update(loss=repr(loss), gradients=gradients, not_finite=lost)
    told += "; loss %.4g, %d gradients" % (loss, gradients)
    peak_bytes = _memory.peak(cell)
    if peak_bytes is not None:
        data["peak_bytes"] = peak_bytes
        told += "; " + _memory.told(peak_bytes)
    if lost or not math.isfinite(loss):
        raise CheckFailed("%s, %d of them not finite" % (told, lost), **data)
    if reference is not None and gradients != reference.gradients:
        raise CheckFailed("%s, where float32 has %d" % (told, reference.gradients), **data)
    return Passed(told + ", all finite", value=Line(output.float(), gradients), **data)


def _features(cell: Cell, subject: Any, context: Callable[[], ContextManager[Any]], element: Optional[Any]) -> Any:
    import torch

    batch = speech_of(cell.settings, int(_SECONDS * RATE))
    subject.model.eval()
    with torch.no_grad(), context():
        return subject.features(batch.speech.to(element), batch.lengths).output


def _differentiated(
    cell: Cell, subject: Any, context: Callable[[], ContextManager[Any]], element: Optional[Any]
) -> Tuple[float, int, int]:
    """The loss, the number of gradients, and how many of them are not finite.

    Under a context of its own: what autocast keeps of weights that it cast without gradients is not to be met here.
    """
    batch = train_batch(cell.settings, size=1, seconds=_SECONDS)
    train_without_chance(subject)
    with context():
        loss = subject.loss(batch.speech.to(element), batch.lengths, batch.labels, batch.label_lengths)
    loss.backward()
    gradients = [one.grad for one in subject.model.parameters() if one.grad is not None]
    subject.model.zero_grad(set_to_none=True)
    return float(loss.detach()), len(gradients), sum(not is_finite(one) for one in gradients)
