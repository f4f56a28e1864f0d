"""The checkpoint in other forms, beside what the real packages write and read."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import ROOT, real_environment

from asrcompat.hub.reference import pad
from asrcompat.hub.repositories import checkpoint_path, prepare
from asrcompat.hub.speech import features_batch
from asrcompat.hub.states import CONVERTED_FILE, prepare_states
from asrcompat.hub.stored import Computed, describe, stored_reference
from asrcompat.run import uv
from asrcompat.run.inputs import Inputs, prepare_inputs
from asrcompat.spec import Spec

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(1800)]

MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"
FIXTURES = ROOT / "fixtures"
TOLERANCE = 1e-4

# fairseq's newest release on PyPI, and what it imports that environments with S3PRL don't have. Without dependencies:
# its own bounds on omegaconf and hydra-core cannot be met there.
FAIRSEQ = ("fairseq==0.12.2", "bitarray", "sacrebleu", "portalocker", "colorama", "lxml", "tabulate")

SAVE = """
import sys
from transformers import Wav2Vec2Model
options = {"save_original_format": False} if sys.argv[3:] else {}
Wav2Vec2Model.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[2], **options)
"""


def run(python: Path, script: str, *arguments: object, **environment: str) -> str:
    process = subprocess.run(
        [python, "-c", script, *map(str, arguments)],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def saved(folder: Path) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The configuration but for the version that wrote it, the header of the weights, and their bytes."""
    config = json.loads((folder / "config.json").read_text())
    del config["transformers_version"]
    content = (folder / "model.safetensors").read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    return config, json.loads(content[8:end]), content[end:]


@pytest.mark.parametrize(
    ("state", "version", "options"),
    [
        ("resaved", "transformers4.57.6", ()),
        ("resaved", "transformers-newest", ("save_original_format=False",)),
        ("resaved-5", "transformers-newest", ()),
    ],
)
def test_a_state_is_what_transformers_saves(
    spec: Spec, work: Path, tmp_path: Path, state: str, version: str, options: tuple[str, ...]
) -> None:
    real = real_environment(spec, work, f"py3.11-torch2.8.0-s3prl0.4.18-espnet202511-{version}")
    root = prepare(weights="synthetic-small", model=MODEL, fixtures=FIXTURES, work=work)
    run(real.built.python, SAVE, checkpoint_path(root, MODEL).parent, tmp_path / "saved", *options)
    ours = prepare_states(hub_root=root, model=MODEL, fixtures=FIXTURES, work=work)[state]
    theirs = tmp_path / "saved"
    assert sorted(path.name for path in ours.iterdir()) == sorted(path.name for path in theirs.iterdir())
    (config, header, values), (their_config, their_header, their_values) = saved(ours), saved(theirs)
    assert config == their_config
    assert header == their_header
    assert values == their_values


@dataclass(frozen=True, kw_only=True)
class WithFairseq:
    python: Path
    folder: Path
    inputs: Inputs

    def run(self, script: str, *arguments: object) -> str:
        return run(self.python, script, *arguments, PYTHONPATH=str(self.folder))


@pytest.fixture(scope="module")
def fairseq(torch_env: Path, work: Path, tmp_path_factory: pytest.TempPathFactory) -> WithFairseq:
    """fairseq beside an environment of the matrix, which stays as it is."""
    folder = tmp_path_factory.mktemp("fairseq")
    arguments: list[str | Path] = ["pip", "install", "--python", torch_env, "--no-deps", "--target", folder, *FAIRSEQ]
    finished = uv.command(arguments, seconds=900)
    assert uv.failure(finished) is None, finished.output
    inputs = prepare_inputs(model=MODEL, weights="synthetic-small", fixtures=FIXTURES, work=work)
    return WithFairseq(python=torch_env, folder=folder, inputs=inputs)


FEATURES = """
import sys, numpy, torch
from fairseq import checkpoint_utils
checkpoint, samples, features, *lengths = sys.argv[1:]
lengths = [int(length) for length in lengths]
(model,), _, _ = checkpoint_utils.load_model_ensemble_and_task([checkpoint])
model.eval()
first = []
model.encoder.layers[0].register_forward_pre_hook(lambda module, inputs: first.append(inputs[0]))
batch = torch.from_numpy(numpy.fromfile(samples, "<f4").reshape(len(lengths), -1).copy())
mask = torch.arange(batch.size(1))[None, :] >= torch.tensor(lengths)[:, None]
with torch.no_grad():
    result = model.extract_features(batch, mask)
frames = result["x"].size(1)
layers = [first[0], *(layer for layer, *_ in result["layer_results"])]
states = torch.stack([layer.transpose(0, 1)[:, :frames] for layer in layers])
states.numpy().astype("<f4").tofile(features)
"""


def test_fairseq_gives_the_stored_reference(fairseq: WithFairseq, tmp_path: Path) -> None:
    """An implementation that shares nothing with ours, nor with Transformers, on a file that it loads strictly."""
    batch = features_batch(FIXTURES)
    pad(batch).astype("<f4").tofile(tmp_path / "samples")
    lengths = [len(samples) for samples in batch]
    fairseq.run(FEATURES, fairseq.inputs.fairseq, tmp_path / "samples", tmp_path / "features", *lengths)
    stored = json.loads(stored_reference(FIXTURES, "synthetic-small").read_text())
    features = np.fromfile(tmp_path / "features", "<f4").reshape(stored["shape"])
    theirs = describe(Computed(features={"raw": features}, lengths=tuple(stored["lengths"]), sources={}))
    np.testing.assert_allclose(theirs["samples"]["raw"], stored["samples"]["raw"], atol=TOLERANCE, rtol=0)
    assert np.abs(features).max() > 1


CONVERT = """
import sys, torch
from s3prl.upstream.wav2vec2.convert import load_and_convert_fairseq_ckpt, load_converted_model
raw, converted, ours = sys.argv[1:]
try:
    load_converted_model(raw)
except ValueError as error:
    print("RAW " + str(error))
load_and_convert_fairseq_ckpt(raw, converted)
model, task = load_converted_model(ours)
theirs, ours = (torch.load(file, map_location="cpu") for file in (converted, ours))
print("KEYS", list(theirs) == list(ours), list(ours))
for section in ("task_cfg", "model_cfg"):
    # repr tells the types and the order, too
    print("EQUAL", repr(theirs[section]) == repr(ours[section]), theirs[section] == ours[section])
theirs, ours = theirs["model_weight"], ours["model_weight"]
print("TENSORS", type(theirs) is type(ours), list(theirs) == list(ours), all(map(torch.equal, *(
    [one[name] for name in theirs] for one in (theirs, ours)
))), {(value.dtype, value.is_contiguous()) for value in [*theirs.values(), *ours.values()]})
print("NORMALIZE", task.normalize)
"""


def test_the_converted_state_is_what_s3prl_makes_of_the_file_which_it_refuses_raw(
    fairseq: WithFairseq, tmp_path: Path
) -> None:
    ours = Path(fairseq.inputs.states["converted"]) / CONVERTED_FILE
    said = fairseq.run(CONVERT, fairseq.inputs.fairseq, tmp_path / "converted.pt", ours).splitlines()
    (raw,) = [line for line in said if line.startswith("RAW")]
    assert raw.endswith("is not a valid checkpoint since the required key: task_cfg is missing")
    assert said[-5:] == [
        "KEYS True ['task_cfg', 'model_cfg', 'model_weight']",
        "EQUAL True True",
        "EQUAL True True",
        "TENSORS True True True {(torch.float32, True)}",
        "NORMALIZE False",
    ]
