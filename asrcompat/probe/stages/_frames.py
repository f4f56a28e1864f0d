"""How many frames an utterance of some length has, as the encoder's arithmetic and as S3PRL's own counting allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..arrays import is_finite, speech_of
from ..cell import CheckFailed, Passed

if TYPE_CHECKING:
    from ..cell import Cell

_FIELD, _HOP = 400, 320  # samples that a frame of wav2vec2 sees, and from one to the next


def check(cell: Cell, samples: int) -> Passed:
    """Features of one utterance of so many samples: their number, the reported lengths, and finite values."""
    import torch

    batch = speech_of(cell.settings, samples)
    with torch.no_grad():
        features = cell.subject.features(batch.speech, batch.lengths)
    frames, reported = int(features.output.size(1)), int(features.lengths[0])
    whole = max(0, (samples - _FIELD) // _HOP + 1)
    data = {"samples": samples, "frames": frames, "reported": reported, "whole": whole}
    told = "%d frames for %d samples, %d reported" % (frames, samples, reported)
    begun = -(-samples // _HOP)  # S3PRL counts these: one or two more than there are whole ones
    if not whole <= reported <= frames <= begun:
        raise CheckFailed("%s: the encoder's arithmetic gives %d" % (told, whole), **data)
    if not is_finite(features.output):
        raise CheckFailed(told + ", and values that are not finite", **data)
    return Passed("%s; the encoder's arithmetic gives %d" % (told, whole), **data)
