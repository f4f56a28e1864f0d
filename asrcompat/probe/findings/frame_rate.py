"""Features at another frame rate, which few paths offer: ESPnet's S3PRL frontend repeats frames.

It reads ``tile_factor`` from its inner configuration. S3PRL's own means are told by a finding of their own;
Transformers, torchaudio and ESPnet's other frontends have none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..arrays import feature_batch, largest_difference
from ..cell import CheckFailed, Passed

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "features"
GROUP = "audio"
PATHS = ("espnet-s3prl", "espnet-s3prl-last")

_FACTOR = 2


def run(cell: Cell) -> None:
    """Twice the frames, by the frontend's own configuration."""
    cell.check("frame-rate", lambda: _tiled(cell))


def _tiled(cell: Cell) -> Passed:
    import torch
    from espnet2.asr.frontend.s3prl import S3prlFrontend

    inner = {"upstream": "hf_wav2vec2_custom", "path_or_url": cell.context.model, "tile_factor": _FACTOR}
    multilayer = cell.subject.model.frontend.multilayer_feature
    frontend = S3prlFrontend(frontend_conf=inner, download_dir=cell.context.folder, multilayer_feature=multilayer)
    frontend.to(cell.device).eval()
    batch = feature_batch(cell.settings)
    with torch.no_grad():
        plain = cell.subject.features(batch.speech, batch.lengths)
        found, lengths = frontend(batch.speech, batch.lengths)
    expected = plain.output.repeat_interleave(_FACTOR, dim=1)
    reported, of = [int(one) for one in lengths], [int(one) for one in plain.lengths]
    frames = int(found.size(1))
    data = {"frames": frames, "reported": reported, "before": of}
    told = "tile_factor: %d makes %d frames of %d" % (_FACTOR, frames, int(plain.output.size(1)))
    if found.shape != expected.shape:
        raise CheckFailed("%s, not %d" % (told, expected.size(1)), **data)
    difference = largest_difference(found, expected)
    if not difference <= cell.settings["tolerance"]:
        raise CheckFailed("%s, which differ by %.2g from each frame said twice" % (told, difference), **data)
    if reported != [_FACTOR * one for one in of]:
        message = "%s, but the lengths stay %s: what reads them takes the rest of the frames for padding"
        raise CheckFailed(message % (told, reported), **data)
    return Passed("%s, each said twice, and the lengths %s of %s" % (told, reported, of), **data)
