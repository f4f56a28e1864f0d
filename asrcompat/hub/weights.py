"""Synthetic weights: pseudo-random, the same on every machine, and arranged to betray a lost tensor.

A checkpoint that "loads" with a tensor left freshly initialised must give visibly other features. So no tensor here
resembles a fresh one: norms are spread around one, biases are not zero. And no tensor may drown: spreads are chosen
such that each branch of the network counts beside its residual, while the depth does not amplify rounding errors.

Values come from the raw bits of a PCG64 stream per tensor name, whose stability numpy guarantees (its
distributions' is not), by exact arithmetic of our own. A tensor's values depend on its name and shape alone.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from math import prod, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from asrcompat.hub.pickles import Shape

_MODULUS = 2**128


@dataclass(frozen=True, kw_only=True)
class _Spread:
    """Values are uniform in centre ± half width; with a `gain` the half width follows from the fan-in."""

    centre: float = 0.0
    half_width: float = 0.0
    gain: float = 0.0

    def half(self, shape: Shape) -> float:
        # A uniform variable's standard deviation is its half width / √3.
        return sqrt(3 / prod(shape[1:])) * self.gain if self.gain else self.half_width


# The first pattern that a name matches decides. The branches' last layers are weak and biases small: whatever is common
# to all frames adds up over the layers, and stronger ones leave a deep model's frames all alike.
_SPREADS: tuple[tuple[str, _Spread], ...] = (
    (r"masked_spec_embed", _Spread(half_width=0.5)),
    # Speech has a level of about 0.1; group norm's epsilon must not matter at that level.
    (r"conv_layers\.0\.conv\.weight", _Spread(gain=1.0)),
    # GELU halves the second moment.
    (r"conv_layers\.\d+\.conv\.weight", _Spread(gain=sqrt(2))),
    (r"pos_conv_embed\.conv\.weight_g", _Spread(centre=3.0, half_width=1.0)),
    (r"pos_conv_embed\.conv\.weight_v", _Spread(half_width=0.035)),
    (r"layer_norm\.weight", _Spread(centre=1.0, half_width=0.25)),
    # Attention that looks at everything equally would make a query's and a key's weights count for nothing.
    (r"(q|k)_proj\.weight", _Spread(gain=sqrt(2))),
    (r"(q|k)_proj\.bias", _Spread(half_width=0.5)),
    (r"(out_proj|output_dense)\.weight", _Spread(gain=0.5)),
    (r"\.weight", _Spread(gain=1.0)),
    (r"\.bias", _Spread(half_width=0.1)),
)


def synthetic_tensor(name: str, shape: Shape) -> NDArray[np.float32]:
    """The values of the tensor `name`."""
    spread = next(spread for pattern, spread in _SPREADS if re.search(rf"{pattern}$", name))
    bits = _random_bits(name, prod(shape))
    # 32 bits and a half are exact in float64, so that rounding happens in the last two steps only, as IEEE 754 says.
    unit = (bits.astype(np.float64) + 0.5) * 2.0**-31 - 1.0
    return (unit * spread.half(shape) + spread.centre).astype(np.float32).reshape(shape)


def _random_bits(name: str, count: int) -> NDArray[np.uint32]:
    seed = hashlib.sha256(f"asrcompat synthetic weights: {name}".encode()).digest()
    generator = np.random.PCG64()
    # The state is set outright: nothing then depends on how numpy turns a seed into one.
    generator.state = {
        "bit_generator": "PCG64",
        "state": {
            "state": int.from_bytes(seed[:16], "little"),
            "inc": int.from_bytes(seed[16:], "little") % _MODULUS | 1,
        },
        "has_uint32": 0,
        "uinteger": 0,
    }
    raw = generator.random_raw((count + 1) // 2)
    return raw.astype("<u8").view("<u4")[:count].astype(np.uint32)
