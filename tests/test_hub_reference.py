"""The reference: right by its parts here, and right as a whole beside the real Transformers."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asrcompat.errors import HarnessError
from asrcompat.hub.architecture import Architecture, Convolution
from asrcompat.hub.checkpoint import CheckpointError, StoredTensor
from asrcompat.hub.encoder import Encoder, gelu
from asrcompat.hub.reference import Reference, pad, prepare_reference, prepared
from asrcompat.hub.renew import renew
from asrcompat.hub.repositories import prepare
from asrcompat.hub.server import Hub
from asrcompat.hub.speech import features_batch
from asrcompat.hub.stored import stored_reference
from asrcompat.hub.weights import synthetic_tensor
from asrcompat.model import Weights

FIXTURES = Path(__file__).parent.parent / "fixtures"
MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"
TOLERANCE = 1e-4

TINY = Architecture(
    convolutions=(Convolution(channels=8, kernel=10, stride=5), Convolution(channels=8, kernel=3, stride=2)),
    width=16,
    layers=2,
    heads=4,
    intermediate=32,
    position_kernel=6,
    position_groups=4,
    epsilon=1e-5,
)


def tensors(architecture: Architecture) -> dict[str, StoredTensor]:
    return {
        name: StoredTensor(dtype="float32", shape=shape, values=synthetic_tensor(name, shape))
        for name, shape in architecture.shapes().items()
    }


def noise(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(1).normal(0.0, 0.1, shape).astype(np.float32)


@given(st.floats(-50, 50))
def test_gelu_is_exact(value: float) -> None:
    exact = value * 0.5 * math.erfc(-value / math.sqrt(2))
    assert abs(float(gelu(np.array([value]))[0]) - exact) < 1e-8


@settings(max_examples=30)
@given(length=st.integers(100, 400), more=st.integers(1, 200))
def test_padding_is_masked_after_the_convolutions(length: int, more: int) -> None:
    """What lies in padded frames reaches no valid frame; that the convolutions see padding is the model's own way."""
    encoder = Encoder(TINY, tensors(TINY))
    frames, valid = 12 + more // 10, 3 + length // 50
    hidden = np.random.default_rng(length).normal(size=(1, frames, 16))
    other = hidden.copy()
    other[:, valid:] = 7.0
    first, second = encoder.layer(0, hidden, [valid]), encoder.layer(0, other, [valid])
    np.testing.assert_allclose(first[:, :valid], second[:, :valid], atol=1e-12)


def test_utterances_do_not_mix() -> None:
    encoder = Encoder(TINY, tensors(TINY))
    batch = noise(3, 500)
    together = encoder.hidden_states(batch, [500, 300, 400])
    alone = encoder.hidden_states(batch[1:2], [300])
    np.testing.assert_array_equal(together[:, 1], alone[:, 0])
    assert together.shape == (3, 3, TINY.frames(500), 16)


def test_a_convolution_written_out() -> None:
    """The position convolution against its definition, tap by tap: even kernel, groups, one magnitude per tap."""
    encoder = Encoder(TINY, tensors(TINY))
    stored = {name: tensor.values.astype(np.float64) for name, tensor in tensors(TINY).items()}
    stem = "encoder.pos_conv_embed.conv"
    direction, magnitude = stored[f"{stem}.weight_v"], stored[f"{stem}.weight_g"][0, 0]
    hidden = np.random.default_rng(2).normal(size=(1, 9, 16))
    expected = np.zeros((9, 16))
    for frame in range(9):
        for channel in range(16):
            total = float(stored[f"{stem}.bias"][channel])
            for tap in range(6):
                at = frame + tap - 3
                if 0 <= at < 9:
                    scale = magnitude[tap] / math.sqrt(float((direction[:, :, tap] ** 2).sum()))
                    group = channel // 4 * 4
                    total += scale * float(direction[channel, :, tap] @ hidden[0, at, group : group + 4])
            expected[frame, channel] = total * 0.5 * math.erfc(-total / math.sqrt(2))
    np.testing.assert_allclose(encoder._positions(hidden)[0], expected, atol=1e-8)


def test_names_of_other_times_and_models_are_understood() -> None:
    plain = tensors(TINY)
    stem = "encoder.pos_conv_embed.conv"
    renamed = {
        f"{stem}.weight_g": f"{stem}.parametrizations.weight.original0",
        f"{stem}.weight_v": f"{stem}.parametrizations.weight.original1",
    }
    other = {f"wav2vec2.{renamed.get(name, name)}": tensor for name, tensor in plain.items()}
    batch = noise(1, 400)
    np.testing.assert_array_equal(
        Encoder(TINY, plain).hidden_states(batch, [400]), Encoder(TINY, other).hidden_states(batch, [400])
    )


def test_missing_and_misshapen_tensors_are_named() -> None:
    lacking = {name: tensor for name, tensor in tensors(TINY).items() if name != "encoder.layer_norm.bias"}
    with pytest.raises(CheckpointError, match=r"encoder\.layer_norm\.bias"):
        Encoder(TINY, lacking)
    with pytest.raises(CheckpointError, match="feature_projection"):
        Encoder(replace(TINY, width=32), tensors(TINY))


def test_the_preprocessor() -> None:
    samples = noise(400) + np.float32(0.5)
    assert abs(float(prepared(samples).mean())) < 1e-6
    assert abs(float(prepared(samples).std()) - 1) < 1e-4
    np.testing.assert_array_equal(prepared(np.zeros(5, dtype=np.float32)), np.zeros(5))
    np.testing.assert_array_equal(pad([samples[:3], samples[:5]])[0, 3:], [0, 0])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Reference]:
    return referenced("synthetic-small", tmp_path_factory.mktemp("work"))


def referenced(weights: Weights, work: Path) -> tuple[Path, Reference]:
    root = prepare(weights=weights, model=MODEL, fixtures=FIXTURES, work=work)
    stored = stored_reference(FIXTURES, weights)
    batch = features_batch(FIXTURES)
    return root, prepare_reference(hub_root=root, model=MODEL, utterances=batch, work=work, stored=stored)


def read(path: Path, reference: Reference) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.fromfile(path, dtype="<f4").reshape(reference.shape)


def test_raw_and_prepared_input_are_told_apart(small: tuple[Path, Reference]) -> None:
    _, reference = small
    assert reference.shape == (3, 2, 49, 768)
    assert reference.lengths == (49, 34)
    raw, ready = read(reference.raw, reference), read(reference.prepared, reference)
    assert np.isfinite(raw).all()
    assert np.isfinite(ready).all()
    for layer in range(3):
        assert np.abs(raw - ready)[layer, 1, :34].max() > 1000 * TOLERANCE
        assert np.abs(raw - ready)[layer, 0].max() > 10 * TOLERANCE


def test_without_a_mask_padding_is_speech(small: tuple[Path, Reference]) -> None:
    _, reference = small
    both = {"raw": read(reference.raw, reference), "prepared": read(reference.prepared, reference)}
    assert set(reference.beside) == {
        *("unmasked-raw", "unmasked-prepared", "unmasked-prepared-whole"),
        *("alone-raw", "alone-prepared"),
    }
    for name, values in reference.beside.items():
        features = np.fromfile(values.file, dtype="<f4").reshape(values.shape)
        stem, kind, *whole = name.split("-")
        if stem == "alone":
            assert (values.shape, values.lengths) == ((3, 1, 34, 768), (34,))
            assert np.abs(features[:, 0] - both[kind][:, 1, :34]).max() > 1000 * TOLERANCE
            continue
        assert (values.shape, values.lengths) == (reference.shape, reference.lengths)
        np.testing.assert_allclose(features[:, 0], both[kind][:, 0], atol=TOLERANCE / 10)
        assert np.abs(features - both[kind])[1:, 1, :34].max() > 1000 * TOLERANCE
        if whole:
            before = reference.beside["unmasked-prepared"]
            other = np.fromfile(before.file, dtype="<f4").reshape(before.shape)
            assert np.abs(features - other)[1:, 1, :34].max() > 10 * TOLERANCE


def test_a_reference_is_computed_once(small: tuple[Path, Reference]) -> None:
    root, reference = small
    before = reference.raw.stat().st_mtime_ns
    again = prepare_reference(hub_root=root, model=MODEL, utterances=features_batch(FIXTURES), work=root.parent)
    assert again == reference
    assert reference.raw.stat().st_mtime_ns == before
    other = prepare_reference(hub_root=root, model=MODEL, utterances=[noise(800)], work=root.parent)
    assert other.raw != reference.raw
    assert other.lengths == (2,)


def stored_checks(small: tuple[Path, Reference], file: Path, work: Path) -> None:
    prepare_reference(hub_root=small[0], model=MODEL, utterances=features_batch(FIXTURES), work=work, stored=file)


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return Path(shutil.copy(stored_reference(FIXTURES, "synthetic-small"), tmp_path / "synthetic-small.json"))


def changed(file: Path, change: Callable[[Any], None]) -> Path:
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))
    return file


def test_the_arithmetic_gives_what_is_stored(small: tuple[Path, Reference], stored: Path) -> None:
    stored_checks(small, stored, small[0].parent)
    described = json.loads(small[1].raw.with_name("reference.json").read_text())
    assert described["environment"]["numpy"] == np.__version__
    assert described["sources"] == json.loads(stored.read_text())["sources"]


def test_stored_samples_are_values_of_the_features(small: tuple[Path, Reference], stored: Path) -> None:
    samples = json.loads(stored.read_text())["samples"]
    for kind, file in (("raw", small[1].raw), ("prepared", small[1].prepared)):
        features = read(file, small[1])
        assert len(samples[kind]) == len(features)
        for layer, kept in zip(features, samples[kind], strict=True):
            there = set(np.concatenate([layer[0], layer[1, :34]]).ravel().tolist())
            nearest = [min(abs(value - other) for other in there) for value in kept[:20]]
            assert max(nearest) < 1e-5
            assert len(set(kept)) > 250


@pytest.mark.parametrize(
    ("kind", "layer", "by", "afresh"),
    [("raw", 0, 2e-5, True), ("raw", 0, 2e-5, False), ("prepared", 2, -3e-5, False), ("raw", 1, math.nan, False)],
)
def test_a_drift_is_told_by_layer(
    small: tuple[Path, Reference], stored: Path, tmp_path: Path, kind: str, layer: int, by: float, afresh: bool
) -> None:
    def drift(data: Any) -> None:
        data["samples"][kind][layer][-1] += by

    changed(stored, drift)
    work = tmp_path / "work" if afresh else small[0].parent
    said = rf"has drifted: with {kind} input, layer {layer} is the first.*computed with.*renew synthetic-small"
    with pytest.raises(HarnessError, match=said):
        stored_checks(small, stored, work)
    assert not afresh or list(work.iterdir()) == []


@pytest.mark.parametrize("source", ["checkpoint", "architecture", "speech"])
def test_another_fixture_is_told_as_such(small: tuple[Path, Reference], stored: Path, source: str) -> None:
    changed(stored, lambda data: data["sources"].update({source: "0"}))
    with pytest.raises(HarnessError, match=rf"of another fixture: {source} changed since 20.*renew synthetic-small"):
        stored_checks(small, stored, small[0].parent)


def test_fewer_samples_are_no_agreement(small: tuple[Path, Reference], stored: Path) -> None:
    changed(stored, lambda data: data["samples"]["raw"].pop())
    with pytest.raises(HarnessError, match=r"have \(3, 256\) samples"):
        stored_checks(small, stored, small[0].parent)


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"environment": {}, "sources": {}, "samples": []}'])
def test_nothing_stored_is_said(small: tuple[Path, Reference], stored: Path, content: str | None) -> None:
    stored.unlink()
    if content is not None:
        stored.write_text(content)
    with pytest.raises(HarnessError, match=r"no stored reference to check with.*renew synthetic-small makes it"):
        stored_checks(small, stored, small[0].parent)


def test_renewing_writes_what_is_committed(tmp_path: Path) -> None:
    fixtures = tmp_path / "fixtures"
    for part in ("hub", "speech"):
        shutil.copytree(FIXTURES / part, fixtures / part)
    file = renew(weights="synthetic-small", model=MODEL, fixtures=fixtures, work=tmp_path)
    fresh, kept = (json.loads(path.read_text()) for path in (file, stored_reference(FIXTURES, "synthetic-small")))
    assert (fresh["sources"], fresh["shape"], fresh["lengths"]) == (kept["sources"], kept["shape"], kept["lengths"])
    for kind in ("raw", "prepared"):
        np.testing.assert_allclose(fresh["samples"][kind], kept["samples"][kind], atol=1e-5, rtol=0)


def test_too_short_utterances_are_refused(small: tuple[Path, Reference], tmp_path: Path) -> None:
    for batch in ([noise(399)], []):
        with pytest.raises(HarnessError, match="too short"):
            prepare_reference(hub_root=small[0], model=MODEL, utterances=batch, work=tmp_path)
    assert list(tmp_path.iterdir()) == []


# Runs in an environment under test: loads by the real name, and says how far its features are from the files'.
_BESIDE_TRANSFORMERS = """
import json, sys
import numpy, torch, transformers
told = json.load(open(sys.argv[1]))
model = transformers.AutoModel.from_pretrained(told["model"]).eval()
def array(name, shape):
    return torch.from_numpy(numpy.fromfile(told[name], "<f4").reshape(shape).copy())
mask = torch.zeros(told["batch"], dtype=torch.long)
for row, length in enumerate(told["samples"]):
    mask[row, :length] = 1
def features(samples, mask=mask):
    with torch.no_grad():
        return torch.stack(model(samples, attention_mask=mask, output_hidden_states=True).hidden_states)
def distance(one, other):
    return max(float((one - other)[:, row, :length].abs().max()) for row, length in enumerate(told["lengths"]))
inputs = {kind: array(kind + "_input", told["batch"]) for kind in ("raw", "prepared")}
result = {kind: distance(features(samples), array(kind, told["shape"])) for kind, samples in inputs.items()}
extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=False)
spoken = [row[:length].numpy() for row, length in zip(inputs["raw"], told["samples"])]
inputs["prepared-whole"] = extractor(spoken, sampling_rate=16000, padding=True, return_tensors="pt").input_values
for kind, samples in inputs.items():
    name = "unmasked-" + kind
    result[name] = distance(features(samples, None), array(name, told["shape"]))
if told["lose"]:
    torch.manual_seed(23)
    fresh = dict(type(model)(model.config).named_parameters())
    expected, result["lost"] = features(inputs["raw"]), {}
    for name, parameter in model.named_parameters():
        kept, parameter.data = parameter.data, fresh[name].data.clone()
        result["lost"][name] = distance(features(inputs["raw"]), expected)
        parameter.data = kept
print(json.dumps(result))
"""


@pytest.mark.real
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("weights", "lose"), [("synthetic-base", False), ("synthetic-small", True)])
def test_transformers_agrees_and_a_lost_tensor_shows(
    torch_env: Path, tmp_path: Path, weights: Weights, lose: bool
) -> None:
    root, reference = referenced(weights, tmp_path)
    batch = features_batch(FIXTURES)
    inputs = {"raw": pad(batch), "prepared": pad([prepared(samples) for samples in batch])}
    for kind, samples in inputs.items():
        samples.astype("<f4").tofile(tmp_path / f"{kind}_input")
    told = {
        "model": MODEL,
        "lose": lose,
        "batch": inputs["raw"].shape,
        "samples": [len(samples) for samples in batch],
        "shape": reference.shape,
        "lengths": reference.lengths,
        "raw": str(reference.raw),
        "prepared": str(reference.prepared),
        **{name: str(values.file) for name, values in reference.beside.items()},
        **{f"{kind}_input": str(tmp_path / f"{kind}_input") for kind in inputs},
    }
    (tmp_path / "told.json").write_text(json.dumps(told))
    with Hub(root) as hub:
        process = subprocess.run(
            [torch_env, "-c", _BESIDE_TRANSFORMERS, tmp_path / "told.json"],
            env={**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "home")},
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
        )
    assert process.returncode == 0, process.stderr
    result = json.loads(process.stdout.splitlines()[-1])
    moved = result.pop("lost", None)
    assert len(result) == 5
    assert max(result.values()) < TOLERANCE / 2, result
    if lose:
        unseen = {name for name, distance in moved.items() if distance < 100 * TOLERANCE}
        assert unseen == {"masked_spec_embed", *(f"encoder.layers.{n}.attention.k_proj.bias" for n in range(2))}
        assert len(moved) == 51
