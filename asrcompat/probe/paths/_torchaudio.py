"""torchaudio's wav2vec2 encoder, whichever of its importers filled it, with a CTC head to train."""

from __future__ import annotations

from typing import Any

from . import Features, _ctc, _layers


class Subject:
    """The encoder, and a linear layer for CTC on what its forward pass gives. Raw input; it masks by lengths."""

    def __init__(self, encoder: Any, width: int, symbols: int) -> None:
        import torch

        self.upstream = encoder
        self.head = torch.nn.Linear(width, symbols)
        self.model = torch.nn.ModuleList([self.upstream, self.head])

    def features(self, speech: Any, lengths: Any) -> Features:
        """The layers from ``extract_features``, which leaves out what enters the first; the output from ``forward``."""
        (layers, frames), states = _layers.watch(
            self.upstream.encoder.transformer.layers, lambda: self.upstream.extract_features(speech, lengths)
        )
        output, _ = self.upstream(speech, lengths)
        return Features([states[0], *layers], output, frames, mixed=False)

    def loss(self, speech: Any, lengths: Any, labels: Any, label_lengths: Any) -> Any:
        """CTC."""
        output, frames = self.upstream(speech, lengths)
        return _ctc.loss(self.head(output), frames, labels, label_lengths)
