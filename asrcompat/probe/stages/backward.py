"""Stage ``backward``: gradients arrive where they should, the pretrained encoder's first layers included."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from ..arrays import is_finite
from ..cell import CannotTell, CheckFailed, Passed

if TYPE_CHECKING:
    from ..cell import Cell

# Names that Transformers, fairseq and (but for a part) torchaudio share: the first convolution, and every layer of the
# transformer.
_CONVOLUTION = re.compile(r"feature_extractor\.conv_layers\.(\d+)\.")
_LAYER = re.compile(r"encoder\.(?:transformer\.)?layers\.(\d+)\.")


def run(cell: Cell) -> None:
    """Differentiate the loss of `forward`."""
    cell.subject.model.zero_grad(set_to_none=True)
    cell.check("differentiate", cell.loss.backward)
    cell.loss = None
    cell.check("gradients", lambda: _gradients(cell.subject))


def parts(subject: Any) -> Dict[str, List[Any]]:
    """The parameters by part: first and other convolutions, each layer, rest of the encoder, what is on top."""
    found: Dict[str, List[Any]] = {}
    pretrained = {id(parameter) for parameter in subject.upstream.parameters()}
    for name, parameter in subject.upstream.named_parameters():
        found.setdefault(_part(name), []).append(parameter)
    found["what is trained on top"] = [one for one in subject.model.parameters() if id(one) not in pretrained]
    if "first convolution" not in found or not any(part.startswith("layer") for part in found):
        raise CannotTell("the upstream's parameters have unknown names: no first convolution or no layers among them")
    return found


def _part(name: str) -> str:
    convolution, layer = _CONVOLUTION.search(name), _LAYER.search(name)
    if convolution:
        return "first convolution" if convolution.group(1) == "0" else "other convolutions"
    return "layer " + layer.group(1) if layer else "rest of encoder"


def kept_from_training(subject: Any) -> Tuple[str, ...]:
    """Parts that the path's own code keeps from training, as its file says; none, for most."""
    return tuple(getattr(subject, "untrained", ()))


def _gradients(subject: Any) -> Passed:
    untrained = kept_from_training(subject)
    for part, parameters in parts(subject).items():
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        if not all(is_finite(gradient) for gradient in gradients):
            raise CheckFailed("gradients of %s are not finite" % part)
        if part not in untrained and not any(bool(gradient.count_nonzero()) for gradient in gradients):
            raise CheckFailed("no gradient arrives at: " + part)
    without = [name for name, parameter in subject.model.named_parameters() if parameter.grad is None]
    message = "%d parameters without one: %s" % (len(without), ", ".join(without)) if without else "at every parameter"
    if untrained:
        message += "; the path's own code keeps from training: " + ", ".join(untrained)
    return Passed(message, without=without, untrained=list(untrained))
