"""Write and describe safetensors files: a JSON header with every tensor's type, shape and place, then the bytes.

The hub's bot offers each ``.bin`` checkpoint again in this format, in a pull request; so does the loopback hub.
"""

from __future__ import annotations

import json
from math import prod
from typing import TYPE_CHECKING

from asrcompat.hub.checkpoint import checked_values
from asrcompat.hub.pickles import Shape

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_FLOAT = 4


def write_safetensors(path: Path, shapes: Mapping[str, Shape], values: Callable[[str], NDArray[np.float32]]) -> None:
    """Write float32 tensors in the order of their names, as the format's own library does."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name in sorted(shapes):
        start, end = end, end + prod(shapes[name]) * _FLOAT
        header[name] = {"dtype": "F32", "shape": list(shapes[name]), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the data begin aligned
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in sorted(shapes):
            file.write(checked_values(values, name, shapes[name]))
