"""The one architecture this project knows: wav2vec2 as in "base", read from a ``config.json``.

Group norm in the first convolution only, post-layer-norm transformer, weight-normalised position convolution. A
configuration that asks for anything else is refused by name, since a reference computed for another model would
condemn working environments.
"""

from __future__ import annotations

import json
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asrcompat.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from asrcompat.hub.pickles import Shape

MASK = "masked_spec_embed"
POSITION = "encoder.pos_conv_embed.conv"

# The two halves of a weight norm, and what newer torch calls them.
NEW_NAMES = {
    f"{POSITION}.weight_g": f"{POSITION}.parametrizations.weight.original0",
    f"{POSITION}.weight_v": f"{POSITION}.parametrizations.weight.original1",
}
OLD_NAMES = {new: old for old, new in NEW_NAMES.items()}

# What must hold of a configuration for this module to describe it, with Transformers' default where the key is absent.
_REQUIRED: Mapping[str, tuple[object, object]] = {
    "model_type": ("wav2vec2", None),
    "feat_extract_norm": ("group", "group"),
    "feat_extract_activation": ("gelu", "gelu"),
    "hidden_act": ("gelu", "gelu"),
    "conv_bias": (False, False),
    "do_stable_layer_norm": (False, False),
    "add_adapter": (False, False),
    "adapter_attn_dim": (None, None),
}


_SIZES = (
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "num_conv_pos_embeddings",
    "num_conv_pos_embedding_groups",
)


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """A layer of the feature extractor; it has no bias."""

    channels: int
    kernel: int
    stride: int


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The sizes of a wav2vec2 encoder."""

    convolutions: tuple[Convolution, ...]
    width: int
    layers: int
    heads: int
    intermediate: int
    position_kernel: int
    position_groups: int
    epsilon: float

    def frames(self, samples: int) -> int:
        """The number of feature frames for so many samples; 0 where they are too few for one."""
        for convolution in self.convolutions:
            samples = (samples - convolution.kernel) // convolution.stride + 1
        return max(samples, 0)

    def shapes(self) -> dict[str, Shape]:
        """The tensors of Transformers' ``Wav2Vec2Model`` of 2021, with their shapes, in its order."""
        width = self.width
        shapes: dict[str, Shape] = {MASK: (width,)}
        inputs = 1
        for number, layer in enumerate(self.convolutions):
            stem = f"feature_extractor.conv_layers.{number}"
            shapes[f"{stem}.conv.weight"] = (layer.channels, inputs, layer.kernel)
            if number == 0:
                shapes |= _affine(f"{stem}.layer_norm", (layer.channels,))
            inputs = layer.channels
        shapes |= _affine("feature_projection.layer_norm", (inputs,))
        shapes |= _affine("feature_projection.projection", (width, inputs))
        shapes[f"{POSITION}.bias"] = (width,)
        shapes[f"{POSITION}.weight_g"] = (1, 1, self.position_kernel)
        shapes[f"{POSITION}.weight_v"] = (width, width // self.position_groups, self.position_kernel)
        shapes |= _affine("encoder.layer_norm", (width,))
        for number in range(self.layers):
            stem = f"encoder.layers.{number}"
            for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
                shapes |= _affine(f"{stem}.attention.{part}", (width, width))
            shapes |= _affine(f"{stem}.layer_norm", (width,))
            shapes |= _affine(f"{stem}.feed_forward.intermediate_dense", (self.intermediate, width))
            shapes |= _affine(f"{stem}.feed_forward.output_dense", (width, self.intermediate))
            shapes |= _affine(f"{stem}.final_layer_norm", (width,))
        return shapes

    def unused_tensors(self) -> frozenset[str]:
        """Tensors that no feature depends on, in evaluation.

        The mask embedding stands in for masked frames, in training only. A key's bias adds the same amount to a
        query's score for every key (q·(k + b) = q·k + q·b), and softmax is blind to that.
        """
        return frozenset({MASK, *(f"encoder.layers.{number}.attention.k_proj.bias" for number in range(self.layers))})


def _affine(stem: str, shape: Shape) -> dict[str, Shape]:
    return {f"{stem}.weight": shape, f"{stem}.bias": shape[:1]}


def read_architecture(path: Path) -> Architecture:
    """The architecture that a ``config.json`` asks for; `HarnessError` where it is another than this module knows."""
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        different = {
            key: config.get(key, default)
            for key, (wanted, default) in _REQUIRED.items()
            if config.get(key, default) != wanted
        }
        if different:
            asked = ", ".join(f"{key} = {value!r}" for key, value in different.items())
            message = (
                f"{path}: no reference for this configuration ({asked}); only wav2vec2 of the base kind is implemented"
            )
            raise HarnessError(message)
        width, count, heads, intermediate, kernel, groups = (operator.index(config[key]) for key in _SIZES)
        layers = zip(config["conv_dim"], config["conv_kernel"], config["conv_stride"], strict=True)
        return Architecture(
            convolutions=tuple(
                Convolution(channels=dim, kernel=kernel, stride=stride) for dim, kernel, stride in layers
            ),
            width=width,
            layers=count,
            heads=heads,
            intermediate=intermediate,
            position_kernel=kernel,
            position_groups=groups,
            epsilon=config["layer_norm_eps"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        message = f"{path}: not a wav2vec2 configuration: {type(error).__name__}: {error}"
        raise HarnessError(message) from error
