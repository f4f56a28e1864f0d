"""ESPnet's ``wav2vec2`` encoder, which is fairseq's: no frontend, the checkpoint in fairseq's own format."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from . import Context, Features, _espnet, _layers

MODULES = ("fairseq.checkpoint_utils", "espnet2.tasks.asr")

_NAME = "checkpoint.pt"


def load(context: Context) -> Any:
    """ESPnet's ASR model with the checkpoint's fairseq form as its encoder."""
    # ESPnet downloads what is not there under the last part of its URL; and it writes a lock beside it, where
    # another probe may be at the same
    folder = tempfile.mkdtemp(dir=context.folder)
    os.symlink(context.fairseq, os.path.join(folder, _NAME))
    return Subject(_espnet.build(context, "asr_fairseq.yaml", {"FILE": _NAME, "FOLDER": folder}))


class Subject(_espnet.Trained):
    """ESPnet's model; its encoder holds the pretrained parameters, and masks time as fairseq does in train mode."""

    def __init__(self, model: Any) -> None:
        super().__init__(model, model.encoder)

    def features(self, speech: Any, lengths: Any) -> Features:
        """What the encoder gives the decoder, and the hidden states on the way there."""
        (output, frames, _), states = _layers.watch(
            self.upstream.encoders.encoder.layers, lambda: self.upstream(speech, lengths)
        )
        # fairseq's layers see [frames, batch, width], with an even number of frames
        layers = [state.transpose(0, 1)[:, : output.size(1)] for state in states]
        return Features(layers, output, frames, mixed=False)
