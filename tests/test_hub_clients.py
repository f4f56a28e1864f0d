"""The loopback hub beside real clients: huggingface_hub from 0.23 to the newest, each in an environment of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from asrcompat.hub.repositories import checkpoint_path, prepare
from asrcompat.hub.server import Hub

FIXTURES = Path(__file__).parent.parent / "fixtures"
MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

_ASK = """
import hashlib, json, sys
import huggingface_hub
from huggingface_hub import HfApi, hf_hub_download, snapshot_download, try_to_load_from_cache, _CACHED_NO_EXIST
MODEL, api, told = sys.argv[1], HfApi(), {"version": huggingface_hub.__version__}
def refused(function, *arguments, **options):
    try:
        function(*arguments, **options)
    except Exception as error:
        return [kind.__name__ for kind in type(error).__mro__]
    return []
def sha256(path):
    return hashlib.sha256(open(path, "rb").read()).hexdigest()
told["config"] = json.load(open(hf_hub_download(MODEL, "config.json")))["num_hidden_layers"]
told["weights"] = sha256(hf_hub_download(MODEL, "pytorch_model.bin"))
told["safetensors"] = hf_hub_download(MODEL, "model.safetensors", revision="refs/pr/1").endswith("model.safetensors")
told["lent"] = json.load(open(hf_hub_download("facebook/wav2vec2-base", "preprocessor_config.json")))["do_normalize"]
told["missing file"] = refused(hf_hub_download, MODEL, "preprocessor_config.json")
told["absence remembered"] = try_to_load_from_cache(MODEL, "preprocessor_config.json") is _CACHED_NO_EXIST
told["missing repository"] = refused(hf_hub_download, "nobody/nothing", "config.json")
told["missing model"] = refused(api.model_info, "nobody/nothing")
told["missing revision"] = refused(hf_hub_download, MODEL, "config.json", revision="none")
told["exists"] = [api.file_exists(MODEL, name) for name in ("pytorch_model.bin", "preprocessor_config.json")]
told["repo exists"] = [api.repo_exists(name) for name in (MODEL, "nobody/nothing")]
told["files"] = sorted(api.list_repo_files(MODEL))
told["tree"] = {item.path: item.size for item in api.list_repo_tree(MODEL)}
told["infos"] = [item.path for item in api.get_paths_info(MODEL, ["config.json", "none"])]
told["sha"] = api.model_info(MODEL, files_metadata=True).sha
told["commits"] = [item.commit_id for item in api.list_repo_commits(MODEL, revision="refs/pr/1")]
told["discussions"] = [(item.num, item.author, item.git_reference) for item in api.get_repo_discussions(MODEL)]
told["refs"] = [item.ref for item in api.list_repo_refs(MODEL, include_pull_requests=True).pull_requests]
told["snapshot"] = snapshot_download(MODEL, allow_patterns=["*.json"]).rpartition("/")[2]
told["write"] = refused(api.upload_file, path_or_fileobj=b"x", path_in_repo="x", repo_id=MODEL, token="hf_x")
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("work")
    return prepare(weights="synthetic-small", model=MODEL, fixtures=FIXTURES, work=work)


@pytest.fixture(scope="module")
def hub(root: Path) -> Iterator[Hub]:
    with Hub(root) as running:
        yield running


@pytest.mark.parametrize("requirement", ["huggingface_hub==0.23.*", "huggingface_hub==0.36.*", "huggingface_hub>=2"])
def test_real_clients(hub: Hub, root: Path, tmp_path: Path, requirement: str) -> None:
    uv = [sys.executable, "-m", "uv", "--quiet"]
    subprocess.run([*uv, "venv", "--python", sys.executable, tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([*uv, "pip", "install", "--python", python, requirement], check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    process = subprocess.run(
        [python, "-c", _ASK, MODEL],
        env={**environment, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    told = json.loads(process.stdout.splitlines()[-1])
    assert told["config"] == 2
    assert told["weights"] == sha256(checkpoint_path(root, MODEL))
    assert told["safetensors"]
    assert told["lent"] is True
    assert "EntryNotFoundError" in told["missing file"]
    # by the commit that came with the 404
    assert told["absence remembered"] is True
    assert "RepositoryNotFoundError" in told["missing repository"]
    assert "RepositoryNotFoundError" in told["missing model"]
    assert "RevisionNotFoundError" in told["missing revision"]
    assert told["exists"] == [True, False]
    assert told["repo exists"] == [True, False]
    assert told["files"] == [".gitattributes", "README.md", "config.json", "pytorch_model.bin"]
    assert told["tree"]["pytorch_model.bin"] == checkpoint_path(root, MODEL).stat().st_size
    assert told["infos"] == ["config.json"]
    assert told["sha"] == told["snapshot"] == told["commits"][1]
    assert told["discussions"] == [[1, "SFconvertbot", "refs/pr/1"]]
    assert told["refs"] == ["refs/pr/1"]
    assert told["write"]


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# What each Transformers does by itself with the name alone: its own resolution of files, its own fallbacks.
_LOAD = """
import json, sys
from transformers import AutoConfig, AutoFeatureExtractor, AutoModel
MODEL, told = sys.argv[1], {}
told["layers"] = AutoConfig.from_pretrained(MODEL).num_hidden_layers
told["model"] = type(AutoModel.from_pretrained(MODEL)).__name__
told["normalises"] = AutoFeatureExtractor.from_pretrained("facebook/wav2vec2-base").do_normalize
offered = AutoModel.from_pretrained(MODEL, revision="refs/pr/1", use_safetensors=True)
told["safetensors"] = type(offered).__name__
for name in (MODEL, "nobody/nothing"):
    try:
        AutoFeatureExtractor.from_pretrained(name)
    except Exception as error:
        told[name] = type(error).__name__ + ": " + str(error)
print(json.dumps(told))
"""


def test_transformers_downloads(hub: Hub, torch_env: Path, tmp_path: Path) -> None:
    process = subprocess.run(
        [torch_env, "-c", _LOAD, MODEL],
        env={**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    told = json.loads(process.stdout.splitlines()[-1])
    assert (told["layers"], told["model"], told["safetensors"]) == (2, "Wav2Vec2Model", "Wav2Vec2Model")
    assert told["normalises"] is True
    assert "does not appear to have a file named preprocessor_config.json" in told[MODEL]
    assert "nobody/nothing is not a local folder and is not a valid model identifier" in told["nobody/nothing"]
