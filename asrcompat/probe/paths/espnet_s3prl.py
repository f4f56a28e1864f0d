"""ESPnet's ``s3prl`` frontend, from a configuration of the kind its recipes use: the mean of all layers."""

from __future__ import annotations

from typing import Any

from . import Context, Features, _espnet

MODULES = ("s3prl.nn", "espnet2.tasks.asr")
BEHIND = ("transformers",)  # S3PRL imports it when this upstream is asked for


def load(context: Context) -> Any:
    """ESPnet's ASR model with the published checkpoint as its frontend."""
    return Subject(_espnet.build(context, "asr_s3prl.yaml", {"MODEL": context.model}))


class Subject(_espnet.Trained):
    """ESPnet's model; its frontend holds the pretrained parameters."""

    def __init__(self, model: Any) -> None:
        super().__init__(model, model.frontend.upstream)

    def features(self, speech: Any, lengths: Any) -> Features:
        """What the frontend gives the rest of the model, and the layers it is made of."""
        layers, _ = self.upstream(speech, lengths)
        output, frames = self.model.frontend(speech, lengths)
        return Features(list(layers), output, frames, mixed=self.model.frontend.multilayer_feature)
