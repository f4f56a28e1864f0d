"""Doctor on real packages: the matrix's outcomes, an environment left as it was, the keys of wrong configurations."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, RealEnvironment
from ruamel.yaml import YAML
from session_settings import make_settings

from asrcompat.doctor.command import verdict
from asrcompat.doctor.examine import examine
from asrcompat.doctor.given import PATH, Given
from asrcompat.doctor.look import look
from asrcompat.doctor.show import keys_to_blame, summary
from asrcompat.errors import ExitCode
from asrcompat.hub.server import Hub
from asrcompat.model import Cell, CheckOutcome, EnvironmentResult, Outcome, Stage
from asrcompat.report.admit import admit
from asrcompat.run import uv
from asrcompat.run.cells import Settings
from asrcompat.run.inputs import prepare_inputs
from asrcompat.run.paths import PROBE
from asrcompat.run.probing import Target, environment
from asrcompat.run.session import Locked, run_session
from asrcompat.spec import Spec

pytestmark = pytest.mark.real

MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"
SMALL_FILE = 1 << 16


@pytest.fixture(scope="module")
def settings(spec: Spec, work: Path) -> Settings:
    """Few trials on the small checkpoint."""
    return make_settings(
        spec,
        ROOT,
        work=work,
        model=MODEL,
        paths=("transformers", "s3prl-hf", "espnet-s3prl"),
        probe=replace(spec.probe, trials=2),
    )


def contents(folder: Path) -> dict[str, Any]:
    """What every file and folder is: size and time of the large files, which are costly to read, else the bytes."""
    found: dict[str, Any] = {}
    for place, folders, files in os.walk(folder):
        found |= {str(Path(place, name)): "folder" for name in folders}
        for name in files:
            file = Path(place, name)
            facts = file.lstat()
            small = facts.st_size < SMALL_FILE and not file.is_symlink()
            digest = hashlib.sha256(file.read_bytes()).hexdigest() if small else ""
            found[str(file)] = (facts.st_size, facts.st_mtime_ns, digest)
    return found


def freeze(python: Path) -> str:
    return uv.command(["pip", "freeze", "--python", python], seconds=120).output


def test_an_environment_made_by_hand_gets_the_matrixs_outcomes_and_stays_as_it_was(
    before_0415: RealEnvironment, settings: Settings, tmp_path: Path
) -> None:
    by_hand = tmp_path / "by-hand"
    listed = tmp_path / "requirements.txt"
    listed.write_text(before_0415.lock.requirements(), encoding="utf-8")
    python = by_hand / "bin" / "python"
    commands: list[list[str | Path]] = [
        ["venv", "--quiet", "--python", before_0415.interpreter.executable, by_hand],
        ["pip", "sync", "--quiet", "--require-hashes", "--python", python, listed],
    ]
    for command in commands:
        done = uv.command(command, seconds=600)
        assert done.code == 0, done.output
    before, frozen = contents(by_hand), freeze(python)
    assert "s3prl==0.4.14" in frozen

    result = examine(look(by_hand), settings, name="tests", given=None, tell=lambda _: None)

    assert freeze(python) == frozen
    after = contents(by_hand)
    assert {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} == set()

    source = Locked(lock=before_0415.lock, interpreter=before_0415.interpreter, text="")
    matrix = run_session(before_0415.environment, source, settings, tell=lambda _: None)
    assert [verdict_of(cell) for cell in result.cells] == [verdict_of(cell) for cell in matrix.cells]
    assert {cell.path: cell.outcome for cell in result.cells} == {
        "transformers": Outcome.WORKS,
        "s3prl-hf": Outcome.BROKEN,
        "espnet-s3prl": Outcome.BROKEN,
    }
    assert verdict(result) is ExitCode.WORSE
    assert admit(result) == result
    found = result.environment
    assert found.id.startswith("doctor-tests-py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2-")
    assert found.packages == before_0415.lock.axis_versions
    assert (found.host, found.installable) == ("tests", "unknown")
    assert {line.partition("==")[0].lower() for line in found.installed} >= {"torch", "s3prl", "numpy"}


def verdict_of(cell: Cell) -> tuple[Any, ...]:
    return (cell.path, cell.device, cell.outcome, cell.passed, cell.failed, cell.exception, cell.message, cell.trials)


def right() -> dict[str, Any]:
    """The configuration that works, as a person would have it."""
    text = (ROOT / "fixtures" / "espnet" / "asr_s3prl.yaml").read_text(encoding="utf-8")
    config = YAML(typ="safe").load(text.replace("@MODEL@", MODEL))
    return {**config, "freeze_param": ["frontend.upstream"], "optim": "adam", "optim_conf": {"lr": 0.0001}}


def change(*keys: str, to: Any) -> Callable[[dict[str, Any]], None]:
    """Set a key of the configuration."""

    def make(config: dict[str, Any]) -> None:
        for key in keys[:-1]:
            config = config.setdefault(key, {})
        config[keys[-1]] = to

    return make


INNER = ("frontend_conf", "frontend_conf")

# What is wrong, and the key to be named with what has to be said of it.
WRONG: dict[str, tuple[Callable[[dict[str, Any]], None], str, str]] = {
    "width": (change("preencoder_conf", "input_size", to=1024), "preencoder_conf.input_size", "features are 768 wide"),
    "unknown argument": (change("frontend_conf", "n_mels", to=768), "frontend_conf.n_mels", "unexpected keyword"),
    "ignored": (change(*INNER, "n_mels", to=768), "frontend_conf.frontend_conf.n_mels", "nothing reads it"),
    "upstream": (
        change(*INNER, "upstream", to="hf_wav2vec2_custm"),
        "frontend_conf.frontend_conf.upstream",
        "with hf_wav2vec2_custom in its place",
    ),
    "lengths": (
        change(*INNER, "tile_factor", to=2),
        "frontend_conf.frontend_conf.tile_factor",
        "frames, and gives",
    ),
    "layer": (change("frontend_conf", "layer", to=3), "frontend_conf.layer", "multilayer feature"),
    "normalize": (change("normalize", to="uttmvn"), "normalize", "with utterance_mvn in its place"),
    "freezing": (change("freeze_param", to=["upstream"]), "freeze_param[0]", "did you mean frontend.upstream"),
    "freezing text": (change("freeze_param", to="frontend.upstream"), "freeze_param", "it has to be a list"),
    "top level": (change("upstream", to="hf_wav2vec2_custom"), "upstream", "belongs under frontend_conf.frontend_conf"),
    "misspelt": (change("freez_param", to=["frontend"]), "freez_param", "did you mean freeze_param"),
    "heads": (change("encoder_conf", "attention_heads", to=3), "encoder_conf.attention_heads", "AssertionError"),
    "text": (change("optim_conf", "lr", to="1e-4"), "optim_conf.lr", "with 0.0001 in its place"),
    "not given": (change("normalize", to="global_mvn"), "normalize_conf.stats_file", "it is not given"),
}

# The finding itself on one configuration after another, so that the packages are imported once.
SWEEP = """
import importlib, importlib.util, json, sys

folder, settings_file, given, cases = sys.argv[1:]
spec = importlib.util.spec_from_file_location("probe", folder + "/__init__.py", submodule_search_locations=[folder])
sys.modules["probe"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["probe"])
cell, record, group = (importlib.import_module("probe." + name) for name in ("cell", "record", "group"))
settings = json.load(open(settings_file))
path = group.load_path("espnet-config", settings["path_files"]["espnet-config"])
finding = importlib.import_module("probe.findings.espnet_config")
found = {}
for name, text in json.load(open(cases)).items():
    open(given + "/train.yaml", "w").write(text)
    file = given + "/" + name.replace(" ", "-") + ".jsonl"
    one = cell.Cell("espnet-config", path, settings, record.Record(file))
    one.climbing, one.stage = False, "load"
    finding.run(one)
    events = [json.loads(line) for line in open(file)]
    found[name] = [event for event in events if event["event"] == "check"]
print("FOUND " + json.dumps(found))
"""


@pytest.fixture(scope="module")
def all_well(torch_env: Path, settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> EnvironmentResult:
    """What is found of the right configuration."""
    config = tmp_path_factory.mktemp("conf") / "train.yaml"
    YAML(typ="safe").dump(right(), config)
    return examine(look(torch_env), settings, name="tests", given=Given(config=config), tell=lambda _: None)


def test_of_a_right_configuration_all_is_well(all_well: EnvironmentResult) -> None:
    (cell,) = all_well.cells
    assert (cell.path, cell.outcome, cell.stage) == ("espnet-config", Outcome.WORKS, Stage.TRAIN), cell.message
    assert cell.features is not None
    assert cell.features.follows == "prepared"
    told = {check.id: check for check in cell.checks if check.id.startswith(("configuration", "key"))}
    assert {name: check.outcome for name, check in told.items()} == {"configuration": CheckOutcome.PASSED}
    assert "no key stands out" in told["configuration"].message
    assert ["token_list" in line for line in told["configuration"].data["told"]] == [True]
    assert verdict(all_well) is ExitCode.OK


def test_a_key_that_breaks_the_load_reaches_the_result_what_is_shown_and_the_exit_code(
    torch_env: Path, settings: Settings, tmp_path: Path
) -> None:
    """On another host by name: what the other tests probe with stays as it is."""
    config = tmp_path / "train.yaml"
    wrong, key, said = WRONG["unknown argument"]
    wrong(values := right())
    YAML(typ="safe").dump(values, config)
    result = examine(look(torch_env), settings, name="wrong", given=Given(config=config), tell=lambda _: None)
    (cell,) = result.cells
    assert (cell.outcome, cell.stage) == (Outcome.BROKEN, Stage.LOAD), cell.message
    (blamed,) = keys_to_blame(cell)
    assert (blamed.id, blamed.data["key"]) == (f"key {key}", key)
    assert said in blamed.message
    assert summary(result).endswith(f"; keys to change: {key}")
    assert verdict(result) is ExitCode.WORSE
    # the key alone is enough, whatever the climb came to
    assert verdict(replace(result, cells=(replace(cell, outcome=Outcome.WORKS),))) is ExitCode.WORSE


@pytest.fixture(scope="module")
def sweep(
    all_well: EnvironmentResult,
    torch_env: Path,
    settings: Settings,
    spec: Spec,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, list[dict[str, Any]]]:
    """The checks of every wrong configuration, of all faults together, and of what is no YAML."""
    folder = tmp_path_factory.mktemp("sweep")
    configs: dict[str, dict[str, Any]] = {name: copy.deepcopy(right()) for name in WRONG}
    for name, config in configs.items():
        WRONG[name][0](config)
    together = copy.deepcopy(right())
    for name in ("width", "unknown argument", "ignored", "upstream", "normalize", "freezing", "top level", "text"):
        WRONG[name][0](together)
    cases = {name: json.dumps(config) for name, config in {**configs, "together": together}.items()}
    change(*INNER, "path_or_url", to="some/where")(elsewhere := copy.deepcopy(right()))
    cases["elsewhere"] = json.dumps(elsewhere)
    cases["no yaml"] = "frontend: s3prl\nfrontend_conf: {upstream: [\n"
    (folder / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
    inputs = prepare_inputs(model=MODEL, weights="synthetic-small", fixtures=ROOT / "fixtures", work=settings.work)
    probed = (settings.work / "probe" / all_well.environment.id / "cpu").glob("group*/settings.json")
    (kept,) = [file for file in probed if PATH in json.loads(file.read_text(encoding="utf-8"))["path_files"]]
    (folder / "scratch").mkdir()
    given = settings.work / "doctor" / all_well.environment.id
    with Hub(inputs.hub_root) as hub:
        target = Target(
            python=torch_env,
            distributions=("torch",),
            endpoint=hub.endpoint,
            model=MODEL,
            inputs=inputs,
            fixtures=given,
            probe=spec.probe,
            limits=spec.limits,
            threads=1,
            write_bytecode=False,
        )
        values = {**json.loads(kept.read_text(encoding="utf-8")), "scratch": str(folder / "scratch")}
        (folder / "settings.json").write_text(json.dumps(values), encoding="utf-8")
        done = subprocess.run(
            [torch_env, "-c", SWEEP, PROBE, folder / "settings.json", given, folder / "cases.json"],
            env=environment(target, folder),
            cwd=folder / "scratch",
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-4000:]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    found: dict[str, list[dict[str, Any]]] = json.loads(line.removeprefix("FOUND "))
    return found


@pytest.mark.parametrize("name", WRONG)
def test_of_a_wrong_configuration_the_key_is_named_and_no_other(
    name: str, sweep: dict[str, list[dict[str, Any]]]
) -> None:
    _, key, said = WRONG[name]
    summary, *faults = sweep[name]
    assert summary["message"] == f"to blame: {key}", summary
    assert [fault["data"]["key"] for fault in faults] == [key]
    assert said in faults[0]["message"]
    assert [fault["outcome"] for fault in faults] == ["failed"]


def test_all_faults_of_one_configuration_are_named_at_once(sweep: dict[str, list[dict[str, Any]]]) -> None:
    expected = {WRONG[name][1] for name in WRONG if name in ("width", "unknown argument", "ignored", "upstream")}
    expected |= {"normalize", "freeze_param[0]", "upstream", "optim_conf.lr"}
    assert {check["data"]["key"] for check in sweep["together"][1:]} == expected


def test_a_name_that_only_the_network_could_resolve_is_no_key_to_blame(sweep: dict[str, list[dict[str, Any]]]) -> None:
    (summary,) = sweep["elsewhere"]
    assert summary["outcome"] == "skipped"
    assert "frontend_conf.frontend_conf.path_or_url: 'some/where' is no folder here" in summary["message"]


def test_what_is_no_yaml_is_told_with_its_line(sweep: dict[str, list[dict[str, Any]]]) -> None:
    (summary,) = sweep["no yaml"]
    assert summary["outcome"] == "failed"
    assert "train.yaml, line 3, column 1: not YAML" in summary["message"]
