"""wav2vec2's encoder in evaluation, written out in numpy: an implementation of its own to compare others with.

Everything is computed in float64, so that what a comparison shows is the other side's rounding. The order of
operations is the published model's: convolutions with a group norm (one channel per group) after the first, layer
norm and projection, a grouped, weight-normalised position convolution added to the input, then transformer layers
that normalise after each residual. As in Transformers, padded frames are zeroed before the position convolution and
hidden from attention; the convolutions before that do see the padding.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from asrcompat.hub.architecture import OLD_NAMES, POSITION
from asrcompat.hub.checkpoint import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from asrcompat.hub.architecture import Architecture
    from asrcompat.hub.checkpoint import StoredTensor

# Group norm's epsilon is torch's default; the configuration's is for layer norms.
_GROUP_EPSILON = 1e-5


class Encoder:
    """A wav2vec2 encoder with the tensors of a checkpoint."""

    def __init__(self, architecture: Architecture, tensors: Mapping[str, StoredTensor]) -> None:
        """Take the tensors, which may carry the prefix of a model with a head; refuse missing or misshapen ones."""
        self._architecture = architecture
        named = {name.removeprefix("wav2vec2."): tensor for name, tensor in tensors.items()}
        self._tensors = {OLD_NAMES.get(name, name): tensor for name, tensor in named.items()}
        expected = {
            name: shape for name, shape in architecture.shapes().items() if name not in architecture.unused_tensors()
        }
        wrong = [
            name for name, shape in expected.items() if name not in self._tensors or self._tensors[name].shape != shape
        ]
        if wrong:
            message = f"tensors missing or of another shape than the configuration says: {', '.join(wrong)}"
            raise CheckpointError(message)

    def frames(self, samples: int) -> int:
        """The number of feature frames for so many samples."""
        return self._architecture.frames(samples)

    def hidden_states(self, samples: NDArray[np.float32], lengths: Sequence[int]) -> NDArray[np.float32]:
        """The input of the first layer and the output of each, [layers + 1, utterances, frames, width].

        `samples` is [utterances, time], padded; `lengths` tells how many samples of each are valid.
        """
        valid = [self._architecture.frames(length) for length in lengths]
        # One utterance after the other keeps the unfolded convolutions small; nothing crosses between utterances.
        hidden = np.stack([self._project(self._extract(row.astype(np.float64))) for row in samples])
        for row, length in zip(hidden, valid, strict=True):
            row[length:] = 0.0
        hidden = self._norm(hidden + self._positions(hidden), "encoder.layer_norm")
        states = [hidden.astype(np.float32)]
        for number in range(self._architecture.layers):
            hidden = self.layer(number, hidden, valid)
            states.append(hidden.astype(np.float32))
        return np.stack(states)

    def _tensor(self, name: str) -> NDArray[np.float64]:
        values: NDArray[np.float64] = self._tensors[name].values.astype(np.float64)
        return values

    def _linear(self, hidden: NDArray[np.float64], stem: str) -> NDArray[np.float64]:
        result: NDArray[np.float64] = hidden @ self._tensor(f"{stem}.weight").T + self._tensor(f"{stem}.bias")
        return result

    def _norm(self, hidden: NDArray[np.float64], stem: str) -> NDArray[np.float64]:
        normal = _standardise(hidden, self._architecture.epsilon)
        result: NDArray[np.float64] = normal * self._tensor(f"{stem}.weight") + self._tensor(f"{stem}.bias")
        return result

    def _extract(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        """Samples to frames: [time] to [frames, channels]."""
        hidden = samples[:, None]
        for number, layer in enumerate(self._architecture.convolutions):
            stem = f"feature_extractor.conv_layers.{number}"
            weight = self._tensor(f"{stem}.conv.weight")
            hidden = _unfold(hidden, layer.kernel, layer.stride) @ weight.reshape(layer.channels, -1).T
            if number == 0:
                normal = _standardise(hidden.T, _GROUP_EPSILON).T
                hidden = normal * self._tensor(f"{stem}.layer_norm.weight") + self._tensor(f"{stem}.layer_norm.bias")
            hidden = gelu(hidden)
        return hidden

    def _project(self, frames: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._linear(self._norm(frames, "feature_projection.layer_norm"), "feature_projection.projection")

    def _positions(self, hidden: NDArray[np.float64]) -> NDArray[np.float64]:
        direction = self._tensor(f"{POSITION}.weight_v")
        # Weight norm over all but the kernel's axis: one magnitude per tap.
        norm = np.sqrt(np.square(direction).sum(axis=(0, 1), keepdims=True))
        weight = self._tensor(f"{POSITION}.weight_g") * direction / norm
        kernel, groups = self._architecture.position_kernel, self._architecture.position_groups
        inputs = np.split(hidden, groups, axis=2)
        weights = np.split(weight, groups, axis=0)
        # An even kernel gives one frame too many, and the last one goes: pad by one less on that side.
        before, after = kernel // 2, (kernel - 1) // 2
        rows = []
        for row in range(hidden.shape[0]):
            padded = [np.pad(part[row], ((before, after), (0, 0))) for part in inputs]
            pairs = zip(padded, weights, strict=True)
            rows.append(
                np.concatenate([_unfold(part, kernel, 1) @ w.reshape(len(w), -1).T for part, w in pairs], axis=1)
            )
        return gelu(np.stack(rows) + self._tensor(f"{POSITION}.bias"))

    def layer(self, number: int, hidden: NDArray[np.float64], valid: Sequence[int]) -> NDArray[np.float64]:
        """One transformer layer: [utterances, frames, width] in and out, with so many valid frames each."""
        stem = f"encoder.layers.{number}"
        hidden = self._norm(hidden + self._attend(hidden, valid, f"{stem}.attention"), f"{stem}.layer_norm")
        inner = gelu(self._linear(hidden, f"{stem}.feed_forward.intermediate_dense"))
        outer = self._linear(inner, f"{stem}.feed_forward.output_dense")
        return self._norm(hidden + outer, f"{stem}.final_layer_norm")

    def _attend(self, hidden: NDArray[np.float64], valid: Sequence[int], stem: str) -> NDArray[np.float64]:
        utterances, frames, width = hidden.shape
        heads = self._architecture.heads

        def split(part: str) -> NDArray[np.float64]:
            linear = self._linear(hidden, f"{stem}.{part}").reshape(utterances, frames, heads, width // heads)
            return linear.transpose(0, 2, 1, 3)

        scores = split("q_proj") @ split("k_proj").transpose(0, 1, 3, 2) / math.sqrt(width // heads)
        for row, length in zip(scores, valid, strict=True):
            row[:, :, length:] = -np.inf
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed = (weights @ split("v_proj")).transpose(0, 2, 1, 3).reshape(utterances, frames, width)
        return self._linear(mixed, f"{stem}.out_proj")


def gelu(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The GELU: x · Φ(x), with the exact normal distribution function.

    numpy has no error function. Φ and its slope are known at closely spaced points, and a cubic between two of them is
    right to 1e-9.
    """
    steps, limit, heights, slopes = _normal_distribution()
    place = (np.clip(values, -limit, limit) + limit) * steps
    index = np.minimum(place.astype(np.int64), len(heights) - 2)
    t = place - index
    low, high = heights[index], heights[index + 1]
    rise, fall = slopes[index] / steps, slopes[index + 1] / steps
    turn = high - low
    result: NDArray[np.float64] = values * (
        low + t * (rise + t * (3 * turn - 2 * rise - fall + t * (rise + fall - 2 * turn)))
    )
    return result


@cache
def _normal_distribution() -> tuple[int, float, NDArray[np.float64], NDArray[np.float64]]:
    steps, limit = 64, 8.0
    points = np.arange(-limit, limit + 0.5 / steps, 1 / steps)
    heights = np.array([0.5 * math.erfc(-point / math.sqrt(2)) for point in points.tolist()])
    return steps, limit, heights, np.exp(-0.5 * points**2) / math.sqrt(2 * math.pi)


def _standardise(hidden: NDArray[np.float64], epsilon: float) -> NDArray[np.float64]:
    centred = hidden - hidden.mean(axis=-1, keepdims=True)
    result: NDArray[np.float64] = centred / np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + epsilon)
    return result


def _unfold(hidden: NDArray[Any], kernel: int, stride: int) -> NDArray[Any]:
    """[time, channels] to [frames, channels * kernel], in the order of a convolution's weights."""
    windows = np.lib.stride_tricks.sliding_window_view(hidden, kernel, axis=0)[::stride]
    return windows.reshape(len(windows), -1)
