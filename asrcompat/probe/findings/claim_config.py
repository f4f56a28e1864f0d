"""The claim that ``upstream`` and ``path_or_url`` in ESPnet's configuration load the checkpoint, wherever they stand.

Where ESPnet wants them is what the path itself tries: ``frontend_conf`` inside of ``frontend_conf``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict

from . import _claim_config as variant

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "load"
GROUP = "claims"
PATHS = ("espnet-s3prl",)


def run(cell: Cell) -> None:
    """Each place on its own; a check passes where ESPnet builds its model."""
    cell.check("config-top-level", lambda: _build(cell, _at_top_level))
    cell.check("config-outer-frontend-conf", lambda: _build(cell, _in_outer))


def _build(cell: Cell, change: Any) -> None:
    variant.build(cell, change)


def _at_top_level(config: Dict[str, Any]) -> None:
    config.update(config["frontend_conf"].pop("frontend_conf"))


def _in_outer(config: Dict[str, Any]) -> None:
    config["frontend_conf"].update(config["frontend_conf"].pop("frontend_conf"))
