"""Transformers alone: ``Wav2Vec2Model.from_pretrained`` by name, with a CTC head to train. Raw input, with a mask."""

from __future__ import annotations

from typing import Any

from . import Context, Features, _ctc

MODULES = ("torch", "transformers:Wav2Vec2Model")


def load(context: Context) -> Any:
    """The published checkpoint in Transformers' encoder."""
    from transformers import Wav2Vec2Model

    return Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))


class Subject:
    """The encoder, and a linear layer for CTC on its last hidden state."""

    def __init__(self, encoder: Any, symbols: int) -> None:
        import torch

        self.upstream = encoder
        self.head = torch.nn.Linear(encoder.config.hidden_size, symbols)
        self.model = torch.nn.ModuleList([self.upstream, self.head])

    def features(self, speech: Any, lengths: Any) -> Features:
        """All hidden states; lengths by the encoder's own arithmetic."""
        import torch

        mask = (torch.arange(speech.size(1), device=speech.device)[None, :] < lengths[:, None]).long()
        result = self.upstream(speech, attention_mask=mask, output_hidden_states=True)
        frames = self.upstream._get_feat_extract_output_lengths(lengths)
        return Features(list(result.hidden_states), result.last_hidden_state, frames, mixed=False)

    def loss(self, speech: Any, lengths: Any, labels: Any, label_lengths: Any) -> Any:
        """CTC."""
        features = self.features(speech, lengths)
        return _ctc.loss(self.head(features.output), features.lengths, labels, label_lengths)
