"""A hub's root folder with a model small enough to be written in an instant."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from conftest import ROOT
from numpy.typing import NDArray

from asrcompat.hub.architecture import read_architecture
from asrcompat.hub.checkpoint import write_checkpoint
from asrcompat.hub.safetensors import write_safetensors
from asrcompat.hub.weights import synthetic_tensor

MODEL = "someone/model"
FIXTURES = ROOT / "fixtures"

TINY = {
    "conv_dim": [8, 8],
    "conv_kernel": [10, 3],
    "conv_stride": [5, 2],
    "hidden_size": 16,
    "intermediate_size": 32,
    "layer_norm_eps": 1e-5,
    "model_type": "wav2vec2",
    "num_attention_heads": 4,
    "num_conv_pos_embedding_groups": 4,
    "num_conv_pos_embeddings": 6,
    "num_hidden_layers": 2,
}


def tiny_hub(
    root: Path,
    *,
    named: Callable[[str], str] = lambda name: name,
    without: frozenset[str] = frozenset(),
    offered: float | None = None,
    **config: Any,
) -> Path:
    """The model as a repository of the hub; `named` renames its tensors, `offered` scales what the bot offers."""
    main, lender = root / MODEL / "main", root / "facebook" / "wav2vec2-base" / "main"
    for folder in (main, lender):
        folder.mkdir(parents=True)
    (main / "config.json").write_text(json.dumps(TINY | config))
    (main / "README.md").write_text("a model")
    (lender / "preprocessor_config.json").write_text('{"do_normalize": true}')
    shapes = read_architecture(main / "config.json").shapes()
    originals = {named(name): name for name in shapes if name not in without}
    write_checkpoint(
        main / "pytorch_model.bin",
        {name: shapes[original] for name, original in originals.items()},
        lambda name: tensor(originals[name], shapes[originals[name]]),
    )
    if offered is not None:
        request = root / MODEL / "refs%2Fpr%2F1"
        request.mkdir()
        write_safetensors(
            request / "model.safetensors", shapes, lambda name: tensor(name, shapes[name]) * np.float32(offered)
        )
    return root


def tensor(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """What the model's checkpoint holds."""
    return synthetic_tensor(name, shape)
