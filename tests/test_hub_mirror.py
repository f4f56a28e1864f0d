"""Fetching the real repositories, with a loopback hub in the real one's place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import HfApi

from asrcompat.errors import HarnessError
from asrcompat.hub.architecture import read_architecture
from asrcompat.hub.catalogue import read_catalogue
from asrcompat.hub.checkpoint import write_checkpoint
from asrcompat.hub.compare import compare
from asrcompat.hub.mirror import mirror
from asrcompat.hub.repositories import checkpoint_path, config_path, prepare
from asrcompat.hub.server import Hub

FIXTURES = Path(__file__).parent.parent / "fixtures"
MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"
LENDER = "facebook/wav2vec2-base"
CONFIG = {
    "model_type": "wav2vec2",
    "conv_dim": [8],
    "conv_kernel": [10],
    "conv_stride": [5],
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "layer_norm_eps": 1e-5,
}


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """The root of a hub that plays the real one: the fixture with a tiny checkpoint, and more than is wanted."""
    root = tmp_path / "real"
    shutil.copytree(FIXTURES / "hub", root)
    config_path(root, MODEL).write_text(json.dumps(CONFIG))
    write_weights(root)
    request = root / MODEL / "refs%2Fpr%2F1"
    request.mkdir()
    (request / "model.safetensors").write_bytes(b"safe")
    (root / LENDER / "main" / "pytorch_model.bin").write_bytes(b"large and not wanted")
    return root


def write_weights(root: Path, **changes: tuple[int, ...] | None) -> None:
    shapes = read_architecture(config_path(root, MODEL)).shapes() | changes
    kept = {name: shape for name, shape in shapes.items() if shape is not None}
    write_checkpoint(checkpoint_path(root, MODEL), kept, lambda name: np.zeros(kept[name], dtype=np.float32))


@pytest.fixture
def endpoint(real: Path) -> Iterator[Hub]:
    with Hub(real) as hub:
        yield hub


def test_a_mirror_serves_what_the_real_hub_serves(real: Path, endpoint: Hub, tmp_path: Path) -> None:
    root = mirror(model=MODEL, endpoint=endpoint.endpoint, work=tmp_path / "work")
    theirs, ours = read_catalogue(real)[MODEL], read_catalogue(root)[MODEL]
    for name in ("main", "refs/pr/1"):
        assert {entry.name: entry.sha256 for entry in ours.revisions[name].entries.values()} == {
            entry.name: entry.sha256 for entry in theirs.revisions[name].entries.values()
        }
    assert [request.number for request in ours.pull_requests] == [1]
    assert set(read_catalogue(root)[LENDER].revisions["main"].entries) == {"config.json", "preprocessor_config.json"}
    assert not any("pytorch_model.bin" in path and LENDER in path for _, path, _ in endpoint.requests)
    assert compare(real / MODEL, root / MODEL) == {"equal": True, "files": {}, "config": {}, "tensors": {}}
    with Hub(root) as hub:
        again = mirror(model=MODEL, endpoint=hub.endpoint, work=tmp_path / "second")
    assert compare(root / MODEL, again / MODEL)["equal"]


def test_an_unchanged_repository_is_fetched_once(endpoint: Hub, tmp_path: Path) -> None:
    first = mirror(model=MODEL, endpoint=endpoint.endpoint, work=tmp_path / "work")
    endpoint.requests.clear()
    assert mirror(model=MODEL, endpoint=endpoint.endpoint, work=tmp_path / "work") == first
    assert not [path for _, path, _ in endpoint.requests if "/resolve/" in path or "_content" in path]
    assert [path.name for path in (tmp_path / "work").iterdir()] == [first.name]


def test_a_changed_repository_is_fetched_again(real: Path, tmp_path: Path) -> None:
    roots = set()
    for word in ("one", "two"):
        (real / MODEL / "main" / "README.md").write_text(word)
        with Hub(real) as hub:
            roots.add(mirror(model=MODEL, endpoint=hub.endpoint, work=tmp_path / "work"))
    assert len(roots) == 2


def test_a_pull_request_of_somebody_else_is_not_taken(real: Path, tmp_path: Path) -> None:
    description = real / MODEL / "repository.json"
    description.write_text(description.read_text().replace("SFconvertbot", "somebody"))
    with Hub(real) as hub:
        root = mirror(model=MODEL, endpoint=hub.endpoint, work=tmp_path / "work")
    assert set(read_catalogue(root)[MODEL].revisions) == {"main"}


def test_planted_differences_are_found(real: Path, tmp_path: Path) -> None:
    root = tmp_path / "other"
    shutil.copytree(real, root)
    config_path(root, MODEL).write_text(json.dumps({**CONFIG, "layerdrop": 0.05, "num_attention_heads": 4}))
    write_weights(root, masked_spec_embed=None, **{"encoder.layer_norm.bias": (9,), "quantizer.codevectors": (1, 2)})
    (root / MODEL / "main" / "vocab.json").write_text("{}")
    (root / MODEL / "main" / "README.md").unlink()
    with Hub(root) as hub:
        fetched = mirror(model=MODEL, endpoint=hub.endpoint, work=tmp_path / "work")
    found = compare(real / MODEL, fetched / MODEL)
    assert found == json.loads(json.dumps(found))
    assert found == {
        "equal": False,
        "files": {
            "README.md": {"fixture": "present", "real": "(absent)"},
            "vocab.json": {"fixture": "(absent)", "real": "present"},
        },
        "config": {
            "layerdrop": {"fixture": "(absent)", "real": 0.05},
            "num_attention_heads": {"fixture": 2, "real": 4},
        },
        "tensors": {
            "encoder.layer_norm.bias": {
                "fixture": {"dtype": "float32", "shape": [8]},
                "real": {"dtype": "float32", "shape": [9]},
            },
            "masked_spec_embed": {"fixture": {"dtype": "float32", "shape": [8]}, "real": "(absent)"},
            "quantizer.codevectors": {"fixture": "(absent)", "real": {"dtype": "float32", "shape": [1, 2]}},
        },
    }


def test_the_committed_fixture_is_compared_without_its_weights(tmp_path: Path) -> None:
    root = prepare(weights="synthetic-small", model=MODEL, fixtures=FIXTURES, work=tmp_path)
    found = compare(FIXTURES / "hub" / MODEL, root / MODEL)
    assert found["files"] == {}
    assert set(found["config"]) == {"num_hidden_layers"}
    assert len(found["tensors"]) == 160
    assert all(name.startswith("encoder.layers.") for name in found["tensors"])


def test_an_unreachable_hub_is_said(real: Path, tmp_path: Path) -> None:
    with Hub(real) as hub:
        gone = hub.endpoint
    with pytest.raises(HarnessError, match="--weights synthetic-base"):
        mirror(model=MODEL, endpoint=gone, work=tmp_path / "work")
    assert not (tmp_path / "work").exists()


def test_a_missing_repository_is_said(endpoint: Hub, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"some/other .*RepositoryNotFoundError"):
        mirror(model="some/other", endpoint=endpoint.endpoint, work=tmp_path / "work")


def test_a_hub_that_goes_away_in_the_middle_leaves_nothing(
    endpoint: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    download, calls = HfApi.hf_hub_download, []

    def failing(self: HfApi, *arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            raise ConnectionResetError(104, "Connection reset by peer")
        return download(self, *arguments, **options)

    monkeypatch.setattr(HfApi, "hf_hub_download", failing)
    with pytest.raises(HarnessError, match="Connection reset"):
        mirror(model=MODEL, endpoint=endpoint.endpoint, work=tmp_path / "work")
    assert len(calls) == 3
    assert list((tmp_path / "work").iterdir()) == []
