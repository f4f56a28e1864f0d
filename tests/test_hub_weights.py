"""Synthetic weights: the same everywhere, nothing like fresh ones, and no tensor without effect."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from asrcompat.errors import HarnessError, UsageError
from asrcompat.hub.architecture import Architecture, read_architecture
from asrcompat.hub.catalogue import read_catalogue
from asrcompat.hub.checkpoint import StoredTensor, read_checkpoint
from asrcompat.hub.encoder import Encoder
from asrcompat.hub.folders import building
from asrcompat.hub.repositories import checkpoint_path, config_path, prepare
from asrcompat.hub.weights import synthetic_tensor

FIXTURES = Path(__file__).parent.parent / "fixtures"
MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"
CONFIG = config_path(FIXTURES / "hub", MODEL)
TOLERANCE = 1e-4


@cache
def base() -> Architecture:
    return read_architecture(CONFIG)


@pytest.fixture(scope="module")
def small_hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("work")
    return prepare(weights="synthetic-small", model=MODEL, fixtures=FIXTURES, work=work)


def test_the_base_model_has_the_real_ones_size() -> None:
    shapes = base().shapes()
    assert len(shapes) == 211
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 94_371_712
    assert shapes["encoder.pos_conv_embed.conv.weight_g"] == (1, 1, 128)
    assert shapes["encoder.pos_conv_embed.conv.weight_v"] == (768, 48, 128)
    assert [name for name in shapes if "layer_norm" in name and name.startswith("feature_extractor")] == [
        "feature_extractor.conv_layers.0.layer_norm.weight",
        "feature_extractor.conv_layers.0.layer_norm.bias",
    ]
    assert not any(name.startswith("wav2vec2.") for name in shapes)


def test_the_bits_are_the_same_on_every_machine() -> None:
    # Another number here means other weights, for everybody, everywhere: other references and other results.
    values = synthetic_tensor("encoder.layers.0.attention.q_proj.weight", (768, 768))
    assert hashlib.sha256(values.astype("<f4").tobytes()).hexdigest() == (
        "947a365f6218965af459ab56b173d03daa2ffc2927f24c4d74b5c2ea3c859663"
    )


def test_every_tensor_is_random() -> None:
    for name, shape in replace(base(), layers=1).shapes().items():
        values = synthetic_tensor(name, shape)
        assert values.shape == shape
        assert values.dtype == np.float32
        assert len(np.unique(values)) > 0.9 * values.size, name
        assert values.std() > 0.005, name


def fresh(name: str, shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.float64]:
    """What a tensor is where it was not loaded."""
    if name.endswith("layer_norm.weight"):
        return np.ones(shape)
    if name.endswith(".bias"):
        return np.zeros(shape)
    return generator.normal(0.0, 0.02, shape)


def synthetic(architecture: Architecture) -> dict[str, StoredTensor]:
    shapes = architecture.shapes().items()
    return {
        name: StoredTensor(dtype="float32", shape=shape, values=synthetic_tensor(name, shape)) for name, shape in shapes
    }


def exchanged(tensors: Mapping[str, StoredTensor], name: str, values: NDArray[Any]) -> dict[str, StoredTensor]:
    return {**tensors, name: replace(tensors[name], values=values)}


def test_losing_any_used_tensor_of_a_layer_shows() -> None:
    """The first and the last transformer layer of the true depth, on the frames that reach them."""
    tensors = synthetic(base())
    generator = np.random.default_rng(23)
    samples = generator.normal(0.0, 0.1, (1, 8000)).astype(np.float32)
    encoder = Encoder(base(), tensors)
    states = encoder.hidden_states(samples, [8000]).astype(np.float64)
    assert all(0.2 < state.std(axis=1).mean() < 1.5 for state in states), "frames have become alike"
    unused = base().unused_tensors()
    quiet = {}
    for number in (0, base().layers - 1):
        expected = encoder.layer(number, states[number], [states.shape[2]])
        for name in (name for name in tensors if name.startswith(f"encoder.layers.{number}.")):
            lost = Encoder(base(), exchanged(tensors, name, fresh(name, tensors[name].shape, generator)))
            moved = float(np.abs(lost.layer(number, states[number], [states.shape[2]]) - expected).max())
            if name in unused:
                assert moved < TOLERANCE / 1000, name
            elif moved < 100 * TOLERANCE:
                quiet[name] = moved
    assert quiet == {}


def test_losing_any_used_tensor_before_the_layers_shows() -> None:
    shallow = replace(base(), layers=0)
    tensors = synthetic(shallow)
    generator = np.random.default_rng(23)
    samples = generator.normal(0.0, 0.1, (1, 4000)).astype(np.float32)
    expected = Encoder(shallow, tensors).hidden_states(samples, [4000])
    moved = {}
    for name in tensors:
        lost = Encoder(shallow, exchanged(tensors, name, fresh(name, tensors[name].shape, generator)))
        moved[name] = float(np.abs(lost.hidden_states(samples, [4000]) - expected).max())
    assert {name for name, by in moved.items() if by < 100 * TOLERANCE} == shallow.unused_tensors()


def test_the_hub_has_what_the_real_one_has(small_hub: Path) -> None:
    repositories = read_catalogue(small_hub)
    assert set(repositories) == {MODEL, "facebook/wav2vec2-base"}
    main = repositories[MODEL].revisions["main"]
    assert set(main.entries) == {".gitattributes", "README.md", "config.json", "pytorch_model.bin"}
    assert main.entries["pytorch_model.bin"].large
    added = repositories[MODEL].revisions["refs/pr/1"]
    assert set(added.entries) - set(main.entries) == {"model.safetensors"}
    lender = repositories["facebook/wav2vec2-base"].revisions["main"]
    assert set(lender.entries) == {"config.json", "preprocessor_config.json"}
    assert read_architecture(config_path(small_hub, MODEL)).layers == 2


def test_the_checkpoint_holds_the_generated_values(small_hub: Path) -> None:
    stored = read_checkpoint(checkpoint_path(small_hub, MODEL))
    assert {name: tensor.shape for name, tensor in stored.items()} == replace(base(), layers=2).shapes()
    for name in ("masked_spec_embed", "encoder.layers.1.final_layer_norm.bias", "encoder.pos_conv_embed.conv.weight_g"):
        np.testing.assert_array_equal(stored[name].values, synthetic_tensor(name, stored[name].shape))


def test_a_hub_is_made_once(small_hub: Path) -> None:
    before = checkpoint_path(small_hub, MODEL).stat().st_mtime_ns
    again = prepare(weights="synthetic-small", model=MODEL, fixtures=FIXTURES, work=small_hub.parent)
    assert (again, checkpoint_path(again, MODEL).stat().st_mtime_ns) == (small_hub, before)
    assert [path.name for path in small_hub.parent.iterdir()] == [small_hub.name]


def test_what_cannot_be_prepared_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not synthetic"):
        prepare(weights="hub", model=MODEL, fixtures=FIXTURES, work=tmp_path)
    with pytest.raises(UsageError, match="no fixture for this model"):
        prepare(weights="synthetic-small", model="some/other", fixtures=FIXTURES, work=tmp_path)


def build(final: Path, failure: BaseException | None = None, *, obstacle: bool = False) -> None:
    with building(final) as partial:
        (partial / "half").write_text("half")
        if failure is not None:
            raise failure
        if obstacle:
            final.write_text("in the way")


def test_an_interrupted_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "final", KeyboardInterrupt())
    with pytest.raises(HarnessError, match="No space left"):
        build(tmp_path / "final", OSError(28, "No space left on device"))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(HarnessError, match="cannot lay out"):
        build(tmp_path / "final", obstacle=True)
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_the_faster_of_two_wins(tmp_path: Path) -> None:
    with building(tmp_path / "final") as partial:
        (partial / "file").write_text("mine")
        with building(tmp_path / "final") as other:
            (other / "file").write_text("theirs")
    assert (tmp_path / "final" / "file").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"do_stable_layer_norm": True}, "do_stable_layer_norm"),
        ({"feat_extract_norm": "layer"}, "feat_extract_norm"),
        ({"model_type": "hubert"}, "model_type"),
        ({"conv_bias": True}, "conv_bias"),
        ({"hidden_act": "relu"}, "hidden_act"),
        ({"add_adapter": True}, "add_adapter"),
        ({"hidden_size": None}, "wav2vec2 configuration"),
        ({"conv_dim": [1]}, "wav2vec2 configuration"),
    ],
)
def test_other_architectures_are_refused_by_name(tmp_path: Path, change: dict[str, object], named: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(CONFIG.read_text()) | change))
    with pytest.raises(HarnessError, match=named):
        read_architecture(path)


@pytest.mark.parametrize("content", ["", "[]", "3", "{}", '{"model_type": "wav2vec2"}'])
def test_what_is_no_configuration_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(HarnessError):
        read_architecture(tmp_path / "config.json")


@pytest.mark.parametrize(("samples", "frames"), [(16000, 49), (400, 1), (399, 0), (0, 0), (11200, 34)])
def test_frames(samples: int, frames: int) -> None:
    assert base().frames(samples) == frames
