"""The pickle in a checkpoint of torch's zip format, written without torch.

The standard pickler writes only references to classes that it can import, so this is written opcode by opcode: plain
data in which a tensor is a call of torch's function that rebuilds one from a storage.
"""

from __future__ import annotations

import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

Shape = tuple[int, ...]

_ORDERED_DICT = b"ccollections\nOrderedDict\n" + pickle.EMPTY_TUPLE + pickle.REDUCE
_INT32 = range(-(2**31), 2**31)


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A leaf that stands for a contiguous float32 tensor."""

    name: str
    shape: Shape


def state_dict(shapes: Mapping[str, Shape]) -> OrderedDict[str, Tensor]:
    """What torch calls a state dict, of these tensors."""
    return OrderedDict((name, Tensor(name=name, shape=shape)) for name, shape in shapes.items())


def tree_pickle(tree: object) -> tuple[bytes, list[Tensor]]:
    """Dictionaries, lists, texts, numbers, truth values, None and tensors; and the tensors in their storages' order."""
    tensors: list[Tensor] = []
    body = _pickled(tree, tensors)
    return pickle.PROTO + b"\2" + body + pickle.STOP, tensors


def _pickled(value: object, tensors: list[Tensor]) -> bytes:
    code: bytes
    match value:
        case None:
            code = pickle.NONE
        case bool():
            code = pickle.NEWTRUE if value else pickle.NEWFALSE
        case int():
            code = _integer(value)
        case float():
            code = pickle.BINFLOAT + struct.pack(">d", value)
        case str():
            code = _text(value)
        case list():
            items = b"".join(_pickled(item, tensors) for item in value)
            code = pickle.EMPTY_LIST + pickle.MARK + items + pickle.APPENDS
        case dict():
            empty = _ORDERED_DICT if isinstance(value, OrderedDict) else pickle.EMPTY_DICT
            pairs = b"".join(_pickled(key, tensors) + _pickled(item, tensors) for key, item in value.items())
            code = empty + pickle.MARK + pairs + pickle.SETITEMS
        case Tensor():
            tensors.append(value)
            code = _tensor(value.shape, len(tensors) - 1)
        case _:
            message = f"a checkpoint holds no {type(value).__name__}"
            raise TypeError(message)
    return code


def _tensor(shape: Shape, number: int) -> bytes:
    storage = [_text("storage"), b"ctorch\nFloatStorage\n", _text(str(number)), _text("cpu"), _integer(prod(shape))]
    strides = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
    arguments = [
        _tuple(storage) + pickle.BINPERSID,
        _integer(0),
        _tuple([_integer(size) for size in shape]),
        _tuple([_integer(stride) for stride in strides]),
        pickle.NEWFALSE,
        _ORDERED_DICT,
    ]
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + _tuple(arguments) + pickle.REDUCE


def _text(text: str) -> bytes:
    data = text.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(data)) + data


def _integer(number: int) -> bytes:
    if number in _INT32:
        return pickle.BININT + struct.pack("<i", number)
    data = number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)
    return pickle.LONG1 + bytes([len(data)]) + data


def _tuple(items: list[bytes]) -> bytes:
    return pickle.MARK + b"".join(items) + pickle.TUPLE
