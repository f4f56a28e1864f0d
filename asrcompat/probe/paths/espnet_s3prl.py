"""ESPnet's ``s3prl`` frontend, from a configuration of the kind its recipes use, with hybrid CTC/attention loss.

The model is built by ESPnet's own task code from ``fixtures/espnet/asr_s3prl.yaml``.
"""

from __future__ import annotations

import os
from typing import Any

from . import Context, Features

MODULES = ("s3prl.nn", "espnet2.tasks.asr")


def load(context: Context) -> Any:
    """ESPnet's ASR model with the published checkpoint as its frontend."""
    from espnet2.tasks.asr import ASRTask

    with open(os.path.join(context.fixtures, "espnet", "asr_s3prl.yaml"), encoding="utf-8") as file:
        text = file.read()
    config = os.path.join(context.folder, "train.yaml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(text.replace("@MODEL@", context.model))
    tokens = os.path.join(context.folder, "tokens.txt")
    with open(tokens, "w", encoding="utf-8") as file:
        file.writelines(symbol + "\n" for symbol in context.symbols)

    command = ["--config", config, "--token_list", tokens, "--token_type", "char", "--output_dir", context.folder]
    arguments = ASRTask.get_parser().parse_args(command)
    return Subject(ASRTask.build_model(arguments))


class Subject:
    """ESPnet's model; its frontend holds the pretrained parameters."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.upstream = model.frontend.upstream

    def features(self, speech: Any, lengths: Any) -> Features:
        """What the frontend gives the rest of the model, and the layers it is made of."""
        layers, _ = self.upstream(speech, lengths)
        output, frames = self.model.frontend(speech, lengths)
        return Features(list(layers), output, frames, mixed=self.model.frontend.multilayer_feature)

    def loss(self, speech: Any, lengths: Any, labels: Any, label_lengths: Any) -> Any:
        """ESPnet's hybrid loss."""
        loss, _, _ = self.model(speech, lengths, labels, label_lengths)
        return loss
