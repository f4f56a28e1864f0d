"""Any single tensor of the checkpoint that comes out freshly initialised is seen by the stage ``features`` itself."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import ROOT

from asrcompat.hub.architecture import read_architecture
from asrcompat.hub.repositories import config_path
from asrcompat.hub.server import Hub
from asrcompat.model import Device
from asrcompat.run.inputs import prepare_inputs
from asrcompat.run.paths import PROBE, path_files
from asrcompat.run.probing import Target, environment, probe
from asrcompat.spec import Spec

pytestmark = pytest.mark.real

MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"

# Runs the probe's own stage on the path's own subject, with one parameter after another replaced.
SWEEP = """
import importlib, importlib.util, json, sys

folder, settings_file, record_file = sys.argv[1:]
spec = importlib.util.spec_from_file_location("probe", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["probe"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["probe"])
ladder, record = (importlib.import_module("probe." + name) for name in ("ladder", "record"))
path = importlib.import_module("probe.paths.transformers")
features = importlib.import_module("probe.stages.features")

settings = json.load(open(settings_file))
settings.update(reference_path="none", reference_folder="none")
cell = ladder.Cell("transformers", path, settings, record.Record(record_file))
cell.subject = cell.load()

import torch
from transformers import Wav2Vec2Model

torch.manual_seed(0)
fresh = dict(Wav2Vec2Model(cell.subject.upstream.config).named_parameters())


def seen():
    try:
        features.run(cell)
    except ladder.StageFailed as failed:
        return str(failed)
    return None


found = {"(as published)": seen()}
for name, parameter in cell.subject.upstream.named_parameters():
    kept = parameter.data
    parameter.data = fresh[name].data
    found[name] = seen()
    parameter.data = kept
print("FOUND " + json.dumps(found))
"""


def test_any_fresh_tensor_fails_parity(torch_env: Path, spec: Spec, work: Path, tmp_path: Path) -> None:
    inputs = prepare_inputs(model=MODEL, weights="synthetic-small", fixtures=ROOT / "fixtures", work=work)
    with Hub(inputs.hub_root) as hub:
        target = Target(
            python=torch_env,
            distributions=("torch",),
            endpoint=hub.endpoint,
            model=MODEL,
            inputs=inputs,
            fixtures=ROOT / "fixtures",
            probe=replace(spec.probe, trials=1),
            limits=spec.limits,
            threads=1,
        )
        folder = tmp_path / "probe"
        files = path_files(["transformers"])
        probe(target, files, Device.CPU, folder=folder, on_progress=lambda *_: None)
        group = folder / "group0"
        (group / "scratch").mkdir(exist_ok=True)
        done = subprocess.run(
            [torch_env, "-c", SWEEP, PROBE, group / "settings.json", tmp_path / "sweep.jsonl"],
            env=environment(target, group),
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    found = json.loads(line.removeprefix("FOUND "))
    assert found.pop("(as published)") is None
    unused = read_architecture(config_path(inputs.hub_root, MODEL)).unused_tensors()
    assert {name for name, check in found.items() if check != "parity"} == unused
    assert len(found) - len(unused) > 40
