"""What probes are given: synthetic weights, or those of a hub with the differences told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import ROOT

from asrcompat.errors import HarnessError
from asrcompat.hub.server import Hub
from asrcompat.run.inputs import prepare_inputs

MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"
FIXTURES = ROOT / "fixtures"


def test_weights_of_a_hub_are_fetched_compared_and_used(
    tmp_path: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = prepare_inputs(model=MODEL, weights="synthetic-small", fixtures=FIXTURES, work=work)
    assert local.weights_comparison is None
    with Hub(local.hub_root) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        fetched = prepare_inputs(model=MODEL, weights="hub", fixtures=FIXTURES, work=tmp_path)
    assert fetched.weights_comparison is not None
    # the hub here has two layers where the fixture's configuration has twelve
    assert fetched.weights_comparison["config"] == {"num_hidden_layers": {"fixture": 12, "real": 2}}
    assert any(name.startswith("encoder.layers.11.") for name in fetched.weights_comparison["tensors"])
    assert fetched.expected == local.expected
    for kind in ("raw", "prepared"):
        first, second = (
            Path(one.probe["reference"]).with_name(f"reference-{kind}.json").read_text() for one in (local, fetched)
        )
        assert first != second
    for inputs in (local, fetched):
        assert set(inputs.states) == {"preprocessor", "resaved", "resaved-5", "converted"}
        assert all((Path(folder) / "config.json").is_file() for folder in inputs.states.values())
        assert inputs.fairseq.is_file()
    # whatever its repository is called and has beside it, the weights are the same
    assert fetched.fairseq.read_bytes() == local.fairseq.read_bytes()
    saved = [Path(inputs.states["resaved"]) / "model.safetensors" for inputs in (local, fetched)]
    assert saved[0].read_bytes() == saved[1].read_bytes()
    assert {"features", "train", "reference"} == set(fetched.probe)
    assert fetched.symbols[0] == "<blank>"
    assert fetched.symbols[-1] == "<sos/eos>"
    assert all(letter in fetched.symbols for item in fetched.probe["train"] for letter in item["text"] if letter != " ")


def test_synthetic_weights_are_checked_with_the_stored_reference(tmp_path: Path, work: Path) -> None:
    fixtures = tmp_path / "fixtures"
    shutil.copytree(FIXTURES, fixtures)
    prepare_inputs(model=MODEL, weights="synthetic-small", fixtures=fixtures, work=work)
    file = fixtures / "reference" / "synthetic-small.json"
    data = json.loads(file.read_text())
    data["samples"]["prepared"][0][0] += 0.001
    file.write_text(json.dumps(data))
    with pytest.raises(HarnessError, match=r"drifted: with prepared input, layer 0 .*by 0\.001"):
        prepare_inputs(model=MODEL, weights="synthetic-small", fixtures=fixtures, work=work)


def test_a_hub_out_of_reach_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HarnessError, match=r"cannot fetch .*\n.*--weights synthetic-base"):
        prepare_inputs(model=MODEL, weights="hub", fixtures=FIXTURES, work=tmp_path)
