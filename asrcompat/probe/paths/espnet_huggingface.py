"""ESPnet's own ``huggingface`` frontend, which the newer releases have: Transformers' last hidden state."""

from __future__ import annotations

from typing import Any

from . import Context, Features, _espnet, _layers

# the last one is imported lazily by the frontend
MODULES = ("espnet2.tasks.asr", "espnet2.asr.frontend.huggingface", "transformers:Wav2Vec2Model")

# the frontend asks for a preprocessor, which the published checkpoint lacks
FINDINGS_STATE = "preprocessor"


def load(context: Context) -> Any:
    """ESPnet's ASR model with the published checkpoint as its frontend."""
    return Subject(_espnet.build(context, "asr_huggingface.yaml", {"MODEL": context.model}))


class Subject(_espnet.Trained):
    """ESPnet's model; its frontend holds the pretrained parameters."""

    def __init__(self, model: Any) -> None:
        super().__init__(model, model.frontend.encoder)

    def features(self, speech: Any, lengths: Any) -> Features:
        """What the frontend gives the rest of the model, and the hidden states on the way there."""
        (output, frames), states = _layers.watch(
            self.upstream.encoder.layers, lambda: self.model.frontend(speech, lengths)
        )
        return Features(states, output, frames, mixed=False)
