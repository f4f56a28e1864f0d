"""Read and write checkpoints in torch's zip format, without torch.

The format, as torch has written it since 1.6: an uncompressed zip archive with ``archive/data.pkl`` (a pickle in
which each tensor names its storage by a persistent id), ``archive/data/<n>`` (the storages' raw bytes,
little-endian, aligned to 64 bytes by padding in the local headers' extra field) and ``archive/version``.

Reading goes through an unpickler that knows dictionaries and tensors and refuses everything else, so a hostile file
can do no more than be refused. Writing gives the same bytes on every machine: times and systems in the archive are
fixed.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from asrcompat.errors import HarnessError
from asrcompat.hub.pickles import Shape, state_dict, tree_pickle

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_ALIGNMENT = 64
_LOCAL_HEADER = struct.Struct("<4s22xHH")

# What a torn or foreign file makes the readers raise: the archive, the pickle, or a tensor made of nonsense.
_MALFORMED = (zipfile.BadZipFile, zlib.error, pickle.UnpicklingError, struct.error, OSError, ValueError, LookupError)
_NONSENSE = (TypeError, AttributeError, EOFError, ArithmeticError, RuntimeError, MemoryError)

# Storage class → name of the element type, and what numpy reads it as (bfloat16 has no counterpart: its bits).
_STORAGES = {
    "FloatStorage": ("float32", "<f4"),
    "DoubleStorage": ("float64", "<f8"),
    "HalfStorage": ("float16", "<f2"),
    "BFloat16Storage": ("bfloat16", "<u2"),
    "LongStorage": ("int64", "<i8"),
    "IntStorage": ("int32", "<i4"),
    "ShortStorage": ("int16", "<i2"),
    "CharStorage": ("int8", "i1"),
    "ByteStorage": ("uint8", "u1"),
    "BoolStorage": ("bool", "?"),
}


class CheckpointError(HarnessError):
    """A file that is not a checkpoint as this module knows them."""


@dataclass(frozen=True, kw_only=True)
class StoredTensor:
    """A tensor in a file: the name of its element type, its shape, and its values, read when they are touched."""

    dtype: str
    shape: Shape
    values: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class _Storage:
    dtype: str
    elements: NDArray[Any]


def write_checkpoint(path: Path, shapes: Mapping[str, Shape], values: Callable[[str], NDArray[np.float32]]) -> None:
    """Write a state dict of float32 tensors, in the order of `shapes`; `values` is asked for one tensor at a time."""
    write_tree(path, state_dict(shapes), values)


def write_tree(path: Path, tree: object, values: Callable[[str], NDArray[np.float32]]) -> None:
    """Write plain data with float32 tensors in it; `values` is asked for one tensor at a time, in the tree's order."""
    content, tensors = tree_pickle(tree)
    with path.open("wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:

        def add(name: str, content: bytes) -> None:
            info = zipfile.ZipInfo(f"archive/{name}", date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # or the bytes would tell the system they were written on
            start = file.tell() + 30 + len(info.filename) + 4
            padding = -start % _ALIGNMENT
            info.extra = struct.pack("<2sH", b"FB", padding) + b"Z" * padding
            archive.writestr(info, content)

        add("data.pkl", content)
        for number, tensor in enumerate(tensors):
            add(f"data/{number}", checked_values(values, tensor.name, tensor.shape))
        add("version", b"3\n")


def checked_values(values: Callable[[str], NDArray[np.float32]], name: str, shape: Shape) -> bytes:
    """The tensor's little-endian bytes; an array of another shape is the caller's mistake."""
    array = values(name)
    if array.shape != shape:
        message = f"{name}: got values of shape {array.shape}, declared as {shape}"
        raise ValueError(message)
    return np.ascontiguousarray(array, dtype="<f4").tobytes()


def read_checkpoint(path: Path) -> dict[str, StoredTensor]:
    """The tensors of a state dict by name, mapped from the file; raises `CheckpointError` for anything else."""
    state = read_tree(path)
    if not isinstance(state, dict) or not all(isinstance(value, StoredTensor) for value in state.values()):
        message = f"{path}: not a plain state dict (names to tensors)"
        raise CheckpointError(message)
    return dict(state)


def read_tree(path: Path) -> Any:
    """Plain data with tensors in it, mapped from the file; raises `CheckpointError` for anything else."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.partition("/")[2]: info for info in archive.infolist()}
            content = archive.read(members["data.pkl"])
        storages = _Storages(np.memmap(path, dtype=np.uint8, mode="r"), members)
        return _Unpickler(io.BytesIO(content), storages).load()
    except CheckpointError as error:
        message = f"{path}: {error}"
        raise CheckpointError(message) from error
    except (*_MALFORMED, *_NONSENSE) as error:
        message = f"{path}: not a checkpoint in torch's zip format: {error}"
        raise CheckpointError(message) from error


class _Storages:
    """The storages of an archive, as views of the mapped file."""

    def __init__(self, file: NDArray[np.uint8], members: Mapping[str, zipfile.ZipInfo]) -> None:
        self._file = file
        self._members = members

    def find(self, kind: object, key: object, count: object) -> _Storage:
        if not isinstance(kind, str) or not isinstance(count, int) or count < 0:
            message = "a storage without type or size"
            raise CheckpointError(message)
        name, code = _STORAGES[kind]
        dtype = np.dtype(code)
        info = self._members[f"data/{key}"]
        if info.compress_type != zipfile.ZIP_STORED or count * dtype.itemsize > info.file_size:
            message = f"storage {key} is compressed or too short"
            raise CheckpointError(message)
        offset = info.header_offset
        signature, name_length, extra_length = _LOCAL_HEADER.unpack(self._file[offset : offset + 30].tobytes())
        if signature != b"PK\3\4":
            message = f"storage {key} is not where the archive says"
            raise CheckpointError(message)
        start = offset + 30 + name_length + extra_length
        return _Storage(dtype=name, elements=self._file[start : start + count * dtype.itemsize].view(dtype))


def _rebuild_tensor(storage: _Storage, offset: int, shape: Shape, strides: Shape, *_: object) -> StoredTensor:
    reach = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True)) + 1
    # Unchecked, strides from a file would read anywhere in memory.
    if prod(shape) and (min(offset, *shape, *strides, 0) < 0 or reach > storage.elements.size):
        message = f"a tensor of shape {shape} reaches beyond its storage"
        raise CheckpointError(message)
    item = storage.elements.itemsize
    values = np.lib.stride_tricks.as_strided(
        storage.elements[offset:], shape, [stride * item for stride in strides], writeable=False
    )
    return StoredTensor(dtype=storage.dtype, shape=tuple(shape), values=values)


def _rebuild_parameter(data: StoredTensor, *_: object) -> StoredTensor:
    return data


class _Unpickler(pickle.Unpickler):
    _KNOWN: Mapping[tuple[str, str], object] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
        **{("torch", storage): storage for storage in _STORAGES},
    }

    def __init__(self, file: io.BytesIO, storages: _Storages) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._KNOWN[module, name]
        except KeyError:
            message = f"refused: the file asks for {module}.{name}, which no tensor file needs"
            raise CheckpointError(message) from None

    def persistent_load(self, pid: Any) -> _Storage:
        _, kind, key, _, count = pid
        return self._storages.find(kind, key, count)
