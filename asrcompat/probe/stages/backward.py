"""Stage ``backward``: gradients arrive where they should, the pretrained encoder's first layers included."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, List

from ..ladder import CheckFailed, Passed

if TYPE_CHECKING:
    from ..ladder import Cell

# Names that Transformers and fairseq share: the first convolution, and every layer of the transformer.
_FIRST = re.compile(r"feature_extractor\.conv_layers\.0\.")
_LAYER = re.compile(r"encoder\.layers\.(\d+)\.")


def run(cell: Cell) -> None:
    """Differentiate the loss of `forward`."""
    cell.subject.model.zero_grad()
    cell.check("differentiate", cell.loss.backward)
    cell.loss = None
    cell.check("gradients", lambda: _gradients(cell.subject))


def parts(subject: Any) -> Dict[str, List[Any]]:
    """The parameters by the part they belong to: first convolution, each layer, rest of the encoder, what is on top."""
    found: Dict[str, List[Any]] = {}
    pretrained = {id(parameter) for parameter in subject.upstream.parameters()}
    for name, parameter in subject.upstream.named_parameters():
        layer = _LAYER.search(name)
        part = "first convolution" if _FIRST.search(name) else "layer " + layer.group(1) if layer else "rest of encoder"
        found.setdefault(part, []).append(parameter)
    found["what is trained on top"] = [one for one in subject.model.parameters() if id(one) not in pretrained]
    if "first convolution" not in found or not any(part.startswith("layer") for part in found):
        raise CheckFailed("the upstream's parameters have unknown names: no first convolution or no layers among them")
    return found


def _gradients(subject: Any) -> Passed:
    without = []
    for part, parameters in parts(subject).items():
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if any(not bool(gradient.isfinite().all()) for gradient in gradients):
            raise CheckFailed("gradients of %s are not finite" % part)
        if not any(bool((gradient != 0).any()) for gradient in gradients):
            raise CheckFailed("no gradient arrives at: " + part)
    for name, parameter in subject.model.named_parameters():
        if parameter.grad is None:
            without.append(name)
    message = "%d parameters without one: %s" % (len(without), ", ".join(without)) if without else "at every parameter"
    return Passed(message, without=without)
