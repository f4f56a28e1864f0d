"""What is alike in the paths through ``s3prl.nn``; and S3PRL's own converter of checkpoints in fairseq's format."""

from __future__ import annotations

import importlib.util
import os
import sys
from types import ModuleType
from typing import Any, Tuple

from . import Context, Features, _ctc


class Subject:
    """The upstream, S3PRL's weighted sum of its layers, and a linear layer for CTC.

    ``untrained``: parts of the upstream that S3PRL's own code keeps from training (names: `stages.backward.parts`);
    ``told``: what was put in place of something that is not there.
    """

    def __init__(
        self, upstream: Any, symbols: int, untrained: Tuple[str, ...] = (), told: Tuple[str, ...] = ()
    ) -> None:
        import torch
        from s3prl.nn import Featurizer

        self.upstream = upstream
        self.featurizer = Featurizer(upstream)
        self.head = torch.nn.Linear(self.featurizer.output_size, symbols)
        self.model = torch.nn.ModuleList([self.upstream, self.featurizer, self.head])
        self.untrained = untrained
        self.told = told

    def features(self, speech: Any, lengths: Any) -> Features:
        """All hidden states and their weighted sum; lengths as the upstream reports them."""
        layers, layer_lengths = self.upstream(speech, lengths)
        output, frames = self.featurizer(layers, layer_lengths)
        return Features(list(layers), output, frames, mixed=True)

    def loss(self, speech: Any, lengths: Any, labels: Any, label_lengths: Any) -> Any:
        """CTC."""
        features = self.features(speech, lengths)
        return _ctc.loss(self.head(features.output), features.lengths, labels, label_lengths)


def has_fairseq() -> bool:
    """Whether fairseq, by which the converter reads, is installed."""
    return importlib.util.find_spec("fairseq") is not None


def converted(context: Context) -> str:
    """The file that S3PRL's converter makes of the checkpoint in fairseq's format; made once.

    The converter reads with fairseq. Where that is not installed, what fairseq does with such a file is done in its
    place, as if a machine that has fairseq had converted it: the result needs fairseq no more, and can be brought
    along. Whether the converter runs in this environment is a finding (``findings/s3prl_raw_file.py``).
    """
    from s3prl.upstream.wav2vec2.convert import load_and_convert_fairseq_ckpt

    target = os.path.join(context.folder, "converted.pt")
    if os.path.exists(target):
        return target
    absent = not has_fairseq()
    if absent:
        sys.modules.update(_in_place_of_fairseq())
    try:
        load_and_convert_fairseq_ckpt(context.fairseq, target + ".part")
    finally:
        if absent:
            for name in _in_place_of_fairseq():
                del sys.modules[name]
    os.replace(target + ".part", target)
    return target


def _in_place_of_fairseq() -> "dict[str, ModuleType]":
    """The one function of fairseq's that the converter calls: the file as it is, its ``cfg`` as omegaconf's."""

    def load_checkpoint_to_cpu(path: str, **_overrides: Any) -> Any:
        import torch
        from omegaconf import OmegaConf

        state = torch.load(path, map_location="cpu")
        state["cfg"] = OmegaConf.create(state["cfg"])
        return state

    package, module = ModuleType("fairseq"), ModuleType("fairseq.checkpoint_utils")
    module.load_checkpoint_to_cpu = load_checkpoint_to_cpu  # type: ignore[attr-defined]
    package.checkpoint_utils = module  # type: ignore[attr-defined]
    return {package.__name__: package, module.__name__: module}
