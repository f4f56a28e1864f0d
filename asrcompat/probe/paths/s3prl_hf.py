"""S3PRL's ``hf_wav2vec2_custom`` by name, through ``s3prl.nn``: all layers, mixed by its Featurizer, a CTC head."""

from __future__ import annotations

from typing import Any

from . import Context, Features, _ctc

MODULES = ("s3prl.nn",)


def load(context: Context) -> Any:
    """The published checkpoint in S3PRL's upstream."""
    from s3prl.nn import Featurizer, S3PRLUpstream

    upstream = S3PRLUpstream("hf_wav2vec2_custom", path_or_url=context.model)
    return Subject(upstream, Featurizer(upstream), len(context.symbols))


class Subject:
    """The upstream, S3PRL's weighted sum of its layers, and a linear layer for CTC."""

    def __init__(self, upstream: Any, featurizer: Any, symbols: int) -> None:
        import torch

        self.upstream = upstream
        self.featurizer = featurizer
        self.head = torch.nn.Linear(featurizer.output_size, symbols)
        self.model = torch.nn.ModuleList([self.upstream, self.featurizer, self.head])

    def features(self, speech: Any, lengths: Any) -> Features:
        """All hidden states and their weighted sum; lengths as the upstream reports them."""
        layers, layer_lengths = self.upstream(speech, lengths)
        output, frames = self.featurizer(layers, layer_lengths)
        return Features(list(layers), output, frames, mixed=True)

    def loss(self, speech: Any, lengths: Any, labels: Any, label_lengths: Any) -> Any:
        """CTC."""
        features = self.features(speech, lengths)
        return _ctc.loss(self.head(features.output), features.lengths, labels, label_lengths)
