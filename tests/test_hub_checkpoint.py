"""Checkpoints without torch: what is written is read again, and nothing else is."""

from __future__ import annotations

import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asrcompat.hub.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from asrcompat.hub.safetensors import write_safetensors

SHAPES = {"a.weight": (3, 4), "a.bias": (3,), "scalar": (), "empty": (0, 5), "long": (1, 2, 65)}


def values(name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    shape = SHAPES[name]
    return (np.arange(int(np.prod(shape)), dtype=np.float32) - 1.5).reshape(shape)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_checkpoint(tmp_path / "model.bin", SHAPES, values)
    return tmp_path / "model.bin"


def test_what_is_written_is_read(path: Path) -> None:
    stored = read_checkpoint(path)
    assert list(stored) == list(SHAPES)
    for name, tensor in stored.items():
        assert (tensor.dtype, tensor.shape) == ("float32", SHAPES[name])
        np.testing.assert_array_equal(tensor.values, values(name))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shapes=st.dictionaries(st.text(min_size=1, max_size=8), st.lists(st.integers(0, 4), max_size=4).map(tuple)))
def test_any_state_dict_survives(tmp_path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    made = {name: np.full(shape, index, dtype=np.float32) for index, (name, shape) in enumerate(shapes.items())}
    write_checkpoint(tmp_path / "any.bin", shapes, made.__getitem__)
    stored = read_checkpoint(tmp_path / "any.bin")
    assert {name: tensor.shape for name, tensor in stored.items()} == shapes
    assert all((stored[name].values == made[name]).all() for name in shapes)


def test_the_archive_is_as_torch_writes_it(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        assert names == ["archive/data.pkl", *(f"archive/data/{number}" for number in range(5)), "archive/version"]
        assert archive.read("archive/version") == b"3\n"
        assert archive.testzip() is None
        content = path.read_bytes()
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            extra = int.from_bytes(content[info.header_offset + 28 : info.header_offset + 30], "little")
            assert (info.header_offset + 30 + len(info.filename) + extra) % 64 == 0


def test_the_same_bytes_every_time(path: Path, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "again.bin", SHAPES, values)
    assert (tmp_path / "again.bin").read_bytes() == path.read_bytes()


def test_values_of_another_shape_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="declared as"):
        write_checkpoint(tmp_path / "x", {"a": (2,)}, lambda _: np.zeros(3, dtype=np.float32))


def repack(path: Path, target: Path, *, compression: int = zipfile.ZIP_STORED, **replaced: bytes) -> Path:
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", compression) as archive:
        for info in source.infolist():
            stem = info.filename.removeprefix("archive/").replace(".", "_").replace("/", "_")
            archive.writestr(info.filename, replaced.get(stem, source.read(info)))
    return target


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("raise SystemExit('executed')",))


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps({"a": Hostile()}, protocol=2),
        b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00trueR.",
        b"\x80\x02ctorch.nn.modules.linear\nLinear\n.",
        b"\x80\x02cbuiltins\ngetattr\n.",
    ],
)
def test_a_pickle_that_asks_for_more_is_refused(path: Path, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CheckpointError, match="no tensor file needs"):
        read_checkpoint(repack(path, tmp_path / "bad.bin", data_pkl=content))


@pytest.mark.parametrize("content", [b"", b"\x80", pickle.dumps({"a": 1}), pickle.dumps([1]), b"garbage"])
def test_a_pickle_of_something_else_is_refused(path: Path, tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CheckpointError):
        read_checkpoint(repack(path, tmp_path / "bad.bin", data_pkl=content))


def test_a_storage_that_is_too_short_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="too short"):
        read_checkpoint(repack(path, tmp_path / "bad.bin", data_0=b"1234"))


def test_compressed_storages_are_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="compressed"):
        read_checkpoint(repack(path, tmp_path / "bad.bin", compression=zipfile.ZIP_DEFLATED))


def test_shapes_and_strides_cannot_reach_beyond_the_storage(path: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        content = archive.read("archive/data.pkl")
    integer = pickle.BININT + (4).to_bytes(4, "little")
    for lie in (5, 2**30, 2**32 - 3):  # the last one is negative to the pickle
        forged = content.replace(integer, pickle.BININT + lie.to_bytes(4, "little"), 1)
        assert forged != content
        with pytest.raises(CheckpointError):
            read_checkpoint(repack(path, tmp_path / "bad.bin", data_pkl=forged))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_and_never_worse(path: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = tmp_path / "damaged.bin"
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    try:
        stored = read_checkpoint(damaged)
    except CheckpointError:
        return
    for tensor in stored.values():
        assert tensor.values.shape == tensor.shape
        tensor.values.sum()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.bin"):
        read_checkpoint(tmp_path / "none.bin")


def test_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_safetensors(path, SHAPES, values)
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    assert length % 8 == 0
    assert header.pop("__metadata__") == {"format": "pt"}
    assert sorted(header) == sorted(SHAPES)
    for name, told in header.items():
        start, end = told["data_offsets"]
        read = np.frombuffer(data[start:end], dtype="<f4").reshape(told["shape"])
        np.testing.assert_array_equal(read, values(name))
    assert max(told["data_offsets"][1] for told in header.values()) == len(data)
