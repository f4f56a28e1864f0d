"""The claim that ``n_mels: 768`` in ``frontend_conf`` cures the wrong width: in every place where it may stand.

Each place with the preencoder's width as large models need it (1024, the fault that is to be cured) and as this one
does (768), which alone is enough: that is the path's own configuration.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Callable, Dict, Tuple

from ..cell import CheckFailed, Passed
from . import _claim_config as variant

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "backward"  # where forward passed: else what fails there would look like a width
GROUP = "claims"
PATHS = ("espnet-s3prl",)
N_MELS = 768
WIDTHS = (1024, 768)
_PLACES: Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]] = {
    "top-level": lambda config: config,
    "outer": lambda config: config["frontend_conf"],
    "inner": lambda config: config["frontend_conf"]["frontend_conf"],
}


def run(cell: Cell) -> None:
    """A check per place and width; it passes where the model gives a loss and the checkpoint is in it."""
    for name, place in _PLACES.items():
        for width in WIDTHS:
            cell.check("n-mels-%s-%d" % (name, width), functools.partial(_placed, cell, place, width))
    cell.check("n-mels-as-written", lambda: variant.tried(cell, _as_written))
    cell.check("n-mels-default-frontend", lambda: _without_checkpoint(cell))


def _placed(cell: Cell, place: Callable[[Dict[str, Any]], Dict[str, Any]], width: int) -> Passed:
    def change(config: Dict[str, Any]) -> None:
        place(config)["n_mels"] = N_MELS
        config["preencoder_conf"]["input_size"] = width

    found = variant.loss(cell, variant.build(cell, change))
    without = variant.loss(cell, cell.subject)
    same = abs(found - without) <= cell.settings["tolerance"] * max(1.0, abs(without))
    told = "the same as" if same else "not %.6g as" % without
    return Passed("loss %.6g, %s without n_mels" % (found, told), loss=found, without=without, same=same)


def _as_written(config: Dict[str, Any]) -> None:
    """The keys that name the checkpoint at the top level, and nothing but ``n_mels`` in ``frontend_conf``."""
    config.update(config["frontend_conf"]["frontend_conf"])
    config["frontend_conf"] = {"n_mels": N_MELS}


def _without_checkpoint(cell: Cell) -> Passed:
    """The frontend that has such an argument: ESPnet's own, of mel bands."""

    def change(config: Dict[str, Any]) -> None:
        config["frontend"] = "default"
        config["frontend_conf"] = {"n_mels": N_MELS}

    subject = variant.build(cell, change)
    found = variant.loss(cell, subject)
    held, of = _held(cell.subject.upstream, subject.model)
    told = "loss %.4g, with %d of the checkpoint's %d tensors in this model" % (found, held, of)
    if held < of:
        raise CheckFailed("%s: its features are %d mel bands" % (told, N_MELS), loss=found, held=held, of=of)
    return Passed(told, loss=found, held=held, of=of)


def _held(pretrained: Any, model: Any) -> Tuple[int, int]:
    """How many of the pretrained tensors, whatever they are called, a model holds; and of how many."""
    import torch

    own = list(model.parameters())
    of = list(pretrained.parameters())
    held = sum(any(one.shape == other.shape and torch.equal(one, other) for other in own) for one in of)
    return held, len(of)
