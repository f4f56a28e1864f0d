"""The pickle in a checkpoint of torch's zip format, written without torch.

The standard pickler writes only references to classes that it can import, so this is written opcode by opcode: an
ordered dictionary whose values are calls of torch's function that rebuilds a tensor from a storage.
"""

from __future__ import annotations

import pickle
import struct
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Shape = tuple[int, ...]


def state_dict_pickle(shapes: Mapping[str, Shape]) -> bytes:
    """An ordered dictionary of contiguous float32 tensors, whose storages are numbered in its order."""
    ordered_dict = b"ccollections\nOrderedDict\n" + pickle.EMPTY_TUPLE + pickle.REDUCE
    parts = [pickle.PROTO + b"\2", ordered_dict, pickle.MARK]
    for number, (name, shape) in enumerate(shapes.items()):
        storage = [_text("storage"), b"ctorch\nFloatStorage\n", _text(str(number)), _text("cpu"), _integer(prod(shape))]
        strides = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
        tensor = [
            _tuple(storage) + pickle.BINPERSID,
            _integer(0),
            _tuple([_integer(size) for size in shape]),
            _tuple([_integer(stride) for stride in strides]),
            pickle.NEWFALSE,
            ordered_dict,
        ]
        parts += [_text(name), b"ctorch._utils\n_rebuild_tensor_v2\n", _tuple(tensor), pickle.REDUCE]
    return b"".join([*parts, pickle.SETITEMS, pickle.STOP])


def _text(text: str) -> bytes:
    data = text.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(data)) + data


def _integer(number: int) -> bytes:
    return pickle.BININT + struct.pack("<i", number)


def _tuple(items: list[bytes]) -> bytes:
    return pickle.MARK + b"".join(items) + pickle.TUPLE
