"""What probes are given: synthetic weights, or those of a hub with the differences told."""

from __future__ import annotations

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
    assert {"features", "train", "reference"} == set(fetched.probe)
    assert fetched.symbols[0] == "<blank>"
    assert fetched.symbols[-1] == "<sos/eos>"
    assert all(letter in fetched.symbols for item in fetched.probe["train"] for letter in item["text"] if letter != " ")


def test_a_hub_out_of_reach_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HarnessError, match=r"cannot fetch .*\n.*--weights synthetic-base"):
        prepare_inputs(model=MODEL, weights="hub", fixtures=FIXTURES, work=tmp_path)
