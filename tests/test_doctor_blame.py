"""A wrong key that ends the climb at load is named all the same: in the result, in what is shown, in the exit code.

ESPnet is a stand-in of a page here, and a trial only builds the model. Everything between the command line and the
blame is the real thing; `test_doctor_real` has the same on the real packages.
"""

from __future__ import annotations

import json
import shutil
import sysconfig
import venv
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from conftest import ROOT
from factories import MODEL

from asrcompat.cli import main
from asrcompat.errors import ExitCode
from asrcompat.hub.repositories import prepare
from asrcompat.model import CheckOutcome, EnvironmentResult, Outcome, Stage
from asrcompat.result_files import parse_environment_result
from asrcompat.run.inputs import Inputs
from asrcompat.run.paths import PROBE

YAML = """
from ruamel.yaml import YAML
from ruamel.yaml import YAMLError


def safe_load(file):
    return YAML(typ="safe").load(file)


def safe_dump(value, file, sort_keys):
    YAML(typ="safe").dump(value, file)
"""

ASR = """
from types import SimpleNamespace

import yaml

KEYS = ("frontend", "frontend_conf", "preencoder", "preencoder_conf", "encoder", "encoder_conf", "decoder")
KEYS += ("decoder_conf", "model_conf", "specaug", "normalize", "token_list", "freeze_param")


class Parser:
    _actions = [SimpleNamespace(dest=key) for key in KEYS]

    def parse_args(self, arguments):
        with open(arguments[1], encoding="utf-8") as file:
            return SimpleNamespace(**yaml.safe_load(file))


class S3prlFrontend:
    def __init__(self, frontend_conf, download_dir, multilayer_feature):
        self.upstream = dict(**frontend_conf)


class Model:
    def __init__(self, frontend):
        self.frontend = frontend

    def named_parameters(self):
        return [("frontend.upstream.weight", None)]


class ASRTask:
    @staticmethod
    def get_parser():
        return Parser()

    @staticmethod
    def build_model(args):
        return Model(S3prlFrontend(**args.frontend_conf))
"""

# What follows after the building takes a torch.
BUILD_ONLY = """

def _build(self: Trial, config: Dict[str, Any]) -> None:
    self.arguments, self.model = self.cell.path.build(self.cell.context, config)


Trial._try = _build
"""


@pytest.fixture
def espnet(tmp_path: Path) -> Path:
    """An environment with the stand-ins."""
    environment = tmp_path / "environment"
    venv.create(environment, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", "posix_prefix", {"base": str(environment)}))
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    (packages / "yaml.py").write_text(YAML, encoding="utf-8")
    (packages / "espnet2" / "tasks").mkdir(parents=True)
    (packages / "espnet2" / "tasks" / "asr.py").write_text(ASR, encoding="utf-8")
    return environment


@pytest.fixture
def _probe(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "probe"
    shutil.copytree(PROBE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "findings" / "_trial.py").open("a", encoding="utf-8") as file:
        file.write(BUILD_ONLY)
    monkeypatch.setattr("asrcompat.run.probing.PROBE", folder)
    root = prepare(weights="synthetic-small", model=MODEL, fixtures=ROOT / "fixtures", work=work)
    inputs = Inputs(hub_root=root, symbols=("<blank>", "a"), probe={}, expected={}, states={}, fairseq=ROOT)
    monkeypatch.setattr("asrcompat.doctor.examine.prepare_inputs", Mock(return_value=inputs))


def doctor(espnet: Path, folder: Path, **frontend: Any) -> tuple[int, EnvironmentResult]:
    """The exit code and the result of the command on a configuration whose frontend has these keys besides."""
    text = (ROOT / "fixtures" / "espnet" / "asr_s3prl.yaml").read_text(encoding="utf-8").replace("@MODEL@", MODEL)
    more = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in frontend.items())
    config = folder / "train.yaml"
    config.write_text(text.replace("frontend_conf:\n", f"frontend_conf:\n{more}", 1), encoding="utf-8")
    arguments = ["doctor", "--python", str(espnet), "--config", str(config), "--out", str(folder / "box.json")]
    arguments += ["--matrix", str(ROOT / "matrix.toml"), "--work", str(folder / "work")]
    code = main([*arguments, "--weights", "synthetic-small", "--devices", "cpu", "--threads", "1", "--quiet"])
    return code, parse_environment_result((folder / "box.json").read_bytes(), source="box.json")


@pytest.mark.usefixtures("_probe")
def test_a_key_that_breaks_the_load_is_named_everywhere(
    espnet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, result = doctor(espnet, tmp_path, n_mels=768)
    (cell,) = result.cells
    assert (cell.outcome, cell.stage) == (Outcome.BROKEN, Stage.LOAD), cell.message
    told = {check.id: check for check in cell.checks if check.id.startswith(("configuration", "key"))}
    assert list(told) == ["configuration", "key frontend_conf.n_mels"]
    key = told["key frontend_conf.n_mels"]
    assert (key.outcome, key.required, key.stage) == (CheckOutcome.FAILED, False, Stage.LOAD)
    assert (key.data["key"], key.data["value"], key.data["remedy"]) == ("frontend_conf.n_mels", 768, "remove it")
    assert code == ExitCode.WORSE
    said = capsys.readouterr().out
    assert "✗ key frontend_conf.n_mels: 768: TypeError: " in said
    assert "; keys to change: frontend_conf.n_mels\n" in said


@pytest.mark.usefixtures("_probe")
def test_without_that_key_none_is_to_blame(espnet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The load goes on to where it takes the real packages."""
    _, result = doctor(espnet, tmp_path)
    (cell,) = result.cells
    (told,) = [check for check in cell.checks if check.id.startswith(("configuration", "key"))]
    assert (told.id, told.outcome) == ("configuration", CheckOutcome.PASSED), told.message
    assert "n_mels" not in capsys.readouterr().out
