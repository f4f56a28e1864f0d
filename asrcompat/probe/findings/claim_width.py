"""The claim on what a wrong width looks like: the preencoder declared wider, and narrower, than the features are."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Dict

from . import _claim_config as variant

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "backward"  # where forward passed: else what fails there would look like a width
GROUP = "claims"
PATHS = ("espnet-s3prl",)
WIDTHS = (1024, 512)


def run(cell: Cell) -> None:
    """A check per width; it passes where the model gives a loss."""
    for width in WIDTHS:
        cell.check("preencoder-%d" % width, functools.partial(_with_width, cell, width))


def _with_width(cell: Cell, width: int) -> Any:
    def change(config: Dict[str, Any]) -> None:
        config["preencoder_conf"]["input_size"] = width

    return variant.tried(cell, change)
