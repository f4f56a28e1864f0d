"""S3PRL's own ASR downstream (CTC) with ``hf_wav2vec2_custom``, as its ``run_downstream`` builds it with ``-f``."""

from __future__ import annotations

import os
import tempfile
from collections import defaultdict
from typing import Any

from ..arrays import is_finite
from ..cell import CheckFailed, Passed
from . import Context, Features, _s3prl_runner

MODULES = ("s3prl.run_downstream", "s3prl.downstream.asr.expert")
BEHIND = ("transformers",)  # S3PRL imports it when this upstream is asked for

_STEPS = 3


def load(context: Context) -> Any:
    """What S3PRL's Runner trains."""
    folder = tempfile.mkdtemp(dir=context.folder)
    return Subject(_s3prl_runner.runner(context, folder, trainable=True, steps=1, rate=1e-4), context.symbols)


def train(context: Context) -> Passed:
    """A few steps by the Runner itself, which then decodes and writes its checkpoint."""
    # a checkpoint of the true size takes more than a gigabyte: none is kept
    with tempfile.TemporaryDirectory(dir=context.folder) as folder:
        return _train(context, folder)


def _train(context: Context, folder: str) -> Passed:
    import torch

    runner = _s3prl_runner.runner(context, folder, trainable=True, steps=_STEPS, rate=1e-4)
    before = _s3prl_runner.values(runner)
    runner.train()
    for part, values in _s3prl_runner.values(runner).items():
        if all(torch.equal(value, before[part][name]) for name, value in values.items()):
            raise CheckFailed("S3PRL's Runner trained %d steps and changed nothing in: %s" % (_STEPS, part))
        if not all(is_finite(value) for value in values.values()):
            raise CheckFailed("S3PRL's Runner left values that are not finite in: " + part)
    written = runner.args.expdir
    if not os.path.exists(os.path.join(written, "states-%d.ckpt" % _STEPS)):
        raise CheckFailed("S3PRL's Runner wrote no checkpoint after %d steps" % _STEPS, files=os.listdir(written))
    decoded, utterances = _s3prl_runner.decoded(runner), _s3prl_runner.utterances(context)
    if decoded != utterances:
        raise CheckFailed("S3PRL's Runner decoded %d of %d utterances" % (decoded, utterances))
    message = "S3PRL's Runner trained %d steps, decoded %d utterances and wrote its checkpoint"
    return Passed(message % (_STEPS, decoded), steps=_STEPS, decoded=decoded)


class Subject:
    """The Runner's three parts: the upstream, the weighted sum of its layers, the downstream with its loss."""

    def __init__(self, runner: Any, symbols: Any) -> None:
        import torch

        self.upstream = runner.upstream.model
        self.featurizer = runner.featurizer.model
        self.downstream = runner.downstream.model
        self.characters = _s3prl_runner.characters(symbols)
        self.model = torch.nn.ModuleList([self.upstream, self.featurizer, self.downstream])

    def features(self, speech: Any, lengths: Any) -> Features:
        """All hidden states, and what the downstream is given, padded again; lengths are the frames of that."""
        import torch
        from torch.nn.utils.rnn import pad_sequence

        states, given = self._given(speech, lengths)
        frames = torch.tensor([len(one) for one in given], device=speech.device)
        return Features(list(states), pad_sequence(given, batch_first=True), frames, mixed=True)

    def loss(self, speech: Any, lengths: Any, labels: Any, label_lengths: Any) -> Any:
        """The downstream's own."""
        _, given = self._given(speech, lengths)
        encoded = [self._encoded(row[:length]) for row, length in zip(labels.tolist(), label_lengths.tolist())]
        return self.downstream("train", given, encoded, [""] * len(encoded), records=defaultdict(list))

    def _given(self, speech: Any, lengths: Any) -> Any:
        heard = [samples[:length] for samples, length in zip(speech, lengths.tolist())]
        result = self.upstream(heard)
        return result["hidden_states"], self.featurizer(heard, result)

    def _encoded(self, labels: Any) -> Any:
        """Labels as the downstream's data set encodes a transcript."""
        line = " ".join([self.characters[label] for label in labels] + ["|"])
        return self.downstream.dictionary.encode_line(line, line_tokenizer=str.split, add_if_not_exist=False).tolist()
