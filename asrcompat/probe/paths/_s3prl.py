"""What is alike in the paths through ``s3prl.nn``; and S3PRL's own converter of checkpoints in fairseq's format."""

from __future__ import annotations

import os
from typing import Any, Tuple

from . import Context, Features, _ctc

CONVERTED_FILE = "converted.pt"  # in the folder that holds the checkpoint in that state


class Subject:
    """The upstream, S3PRL's weighted sum of its layers, and a linear layer for CTC.

    ``untrained``: parts of the upstream that S3PRL's own code keeps from training (names: `stages.backward.parts`).
    """

    def __init__(self, upstream: Any, symbols: int, untrained: Tuple[str, ...] = ()) -> None:
        import torch
        from s3prl.nn import Featurizer

        self.upstream = upstream
        self.featurizer = Featurizer(upstream)
        self.head = torch.nn.Linear(self.featurizer.output_size, symbols)
        self.model = torch.nn.ModuleList([self.upstream, self.featurizer, self.head])
        self.untrained = untrained

    def features(self, speech: Any, lengths: Any) -> Features:
        """All hidden states and their weighted sum; lengths as the upstream reports them."""
        layers, layer_lengths = self.upstream(speech, lengths)
        output, frames = self.featurizer(layers, layer_lengths)
        return Features(list(layers), output, frames, mixed=True)

    def loss(self, speech: Any, lengths: Any, labels: Any, label_lengths: Any) -> Any:
        """CTC."""
        features = self.features(speech, lengths)
        return _ctc.loss(self.head(features.output), features.lengths, labels, label_lengths)


def converted(context: Context) -> str:
    """The converted file: the one that was handed on, or what S3PRL's converter makes here of fairseq's; made once.

    The converter reads with the fairseq that the environment has, and raises where that is none.
    """
    handed_on = os.path.join(context.model, CONVERTED_FILE)
    if os.path.exists(handed_on):
        return handed_on
    from s3prl.upstream.wav2vec2.convert import load_and_convert_fairseq_ckpt

    target = os.path.join(context.folder, CONVERTED_FILE)
    if not os.path.exists(target):
        load_and_convert_fairseq_ckpt(context.fairseq, target + ".part")
        os.replace(target + ".part", target)
    return target
