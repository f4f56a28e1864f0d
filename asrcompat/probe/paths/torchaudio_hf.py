"""torchaudio's importer of Transformers' models: loaded there by name, then copied into torchaudio's own encoder."""

from __future__ import annotations

from typing import Any

from . import Context
from ._torchaudio import Subject

MODULES = ("torch", "transformers:Wav2Vec2Model", "torchaudio.models.wav2vec2.utils:import_huggingface_model")


def load(context: Context) -> Any:
    """The published checkpoint in torchaudio's encoder."""
    from torchaudio.models.wav2vec2.utils import import_huggingface_model
    from transformers import Wav2Vec2Model

    original = Wav2Vec2Model.from_pretrained(context.model)
    return Subject(import_huggingface_model(original), original.config.hidden_size, len(context.symbols))
