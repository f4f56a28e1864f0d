"""torchaudio's importer of fairseq's models: the checkpoint in fairseq's format, loaded there, then copied."""

from __future__ import annotations

from typing import Any

from . import Context
from ._torchaudio import Subject

MODULES = ("fairseq.checkpoint_utils", "torchaudio.models.wav2vec2.utils:import_fairseq_model")


def load(context: Context) -> Any:
    """The checkpoint's fairseq form in torchaudio's encoder."""
    from fairseq import checkpoint_utils
    from torchaudio.models.wav2vec2.utils import import_fairseq_model

    (original,), _, _ = checkpoint_utils.load_model_ensemble_and_task([context.fairseq])
    return Subject(import_fairseq_model(original), original.cfg.encoder_embed_dim, len(context.symbols))
