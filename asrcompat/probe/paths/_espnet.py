"""ESPnet's ASR model from a configuration of ``fixtures/espnet``, built by ESPnet's own task code."""

from __future__ import annotations

import os
from typing import Any, Dict, Sequence


def build(context: Any, config: str, words: Dict[str, str], options: Sequence[str] = ()) -> Any:
    """ESPnet's model; each ``@WORD@`` of the configuration is replaced, and `options` are given on its command line."""
    from espnet2.tasks.asr import ASRTask

    with open(os.path.join(context.fixtures, "espnet", config), encoding="utf-8") as file:
        text = file.read()
    for word, value in words.items():
        text = text.replace("@%s@" % word, value)
    written = os.path.join(context.folder, "train.yaml")
    with open(written, "w", encoding="utf-8") as file:
        file.write(text)
    tokens = os.path.join(context.folder, "tokens.txt")
    with open(tokens, "w", encoding="utf-8") as file:
        file.writelines(symbol + "\n" for symbol in context.symbols)

    command = ["--config", written, "--token_list", tokens, "--token_type", "char", "--output_dir", context.folder]
    return ASRTask.build_model(ASRTask.get_parser().parse_args([*command, *options]))


class Trained:
    """What is alike in every subject that is ESPnet's model: ESPnet's hybrid CTC/attention loss."""

    def __init__(self, model: Any, upstream: Any) -> None:
        self.model = model
        self.upstream = upstream

    def loss(self, speech: Any, lengths: Any, labels: Any, label_lengths: Any) -> Any:
        """ESPnet's hybrid loss."""
        loss, _, _ = self.model(speech, lengths, labels, label_lengths)
        return loss
