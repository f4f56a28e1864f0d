"""The claim that the consumer must get the frames that it expects, by a consumer of ours: a control, not evidence.

It has a label for every frame of the encoder, of which a path may give others, as S3PRL does, which pads to its rate.
Cross-entropy by frame is the strictest consumer there is, and no package's: it tells which paths give other frames, in
torch's own words. Interpolated frames are made as many as the labels, so they cannot but be taken. What the packages'
own consumers do with the frames is seen at the stage ``forward``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..arrays import feature_batch
from ..cell import Passed

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "features"
GROUP = "claims"
PATHS = None


def run(cell: Cell) -> None:
    """The labels against the frames as they come, and against the frames interpolated to the labels' number."""
    wanted = max(cell.settings["expected"]["lengths"])
    cell.check("frame-labels", lambda: _scored(cell, _frames(cell), wanted))
    cell.check("frame-labels-interpolated", lambda: _scored(cell, _interpolated(_frames(cell), wanted), wanted))


def _frames(cell: Cell) -> Any:
    import torch

    batch = feature_batch(cell.settings)
    with torch.no_grad():
        return cell.subject.features(batch.speech, batch.lengths).output


def _interpolated(frames: Any, wanted: int) -> Any:
    from torch.nn import functional

    resampled = functional.interpolate(frames.transpose(1, 2), size=wanted, mode="linear", align_corners=False)
    return resampled.transpose(1, 2)


def _scored(cell: Cell, frames: Any, wanted: int) -> Passed:
    """A finite cross-entropy of a label for each of `wanted` frames; torch raises where there are others."""
    import torch
    from torch.nn import functional

    torch.manual_seed(cell.settings["seed"])
    classes = len(cell.context.symbols)
    head = torch.nn.Linear(frames.size(-1), classes).to(frames.device)
    labels = torch.randint(classes, (frames.size(0), wanted), device=frames.device)
    loss = functional.cross_entropy(head(frames).flatten(0, 1), labels.flatten())
    message = "%d frames, %d labels for a consumer of ours: loss %.4g"
    return Passed(message % (frames.size(1), wanted, float(loss)), frames=frames.size(1))
