"""The laboratory: what a change does, what stays as it was, and what is remembered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from miniature import MiniatureIndex, serving
from tiny_lab import Surroundings, change, package, sdist

from asrcompat.lab.experiments import of_packages
from asrcompat.lab.shim import site_customisation
from asrcompat.model import Cell, Outcome, Stage, Trials
from asrcompat.report.admit import admit
from asrcompat.result_files import dump
from asrcompat.run import session
from asrcompat.run.interpreters import Interpreter, NoInterpreter
from asrcompat.run.uv import Failure

CHECK = """
import os
def check(model, config, path):
    if not os.path.exists(os.path.join(model, "preprocessor_config.json")):
        raise OSError("no preprocessor_config.json")
"""


@pytest.fixture
def index() -> Iterator[MiniatureIndex]:
    with serving(
        ("torch", "1.0", ("helper",)), ("espnet", "1", ()), ("helper", "1.0", ()), ("helper", "2.0", ())
    ) as served:
        for version in ("0.0", "0.1"):
            package(served, "torchaudio", version)
        for version in ("1.0", "2.0"):
            package(served, "transformers", version)
        package(served, "s3prl", "0.1", CHECK)
        package(served, "s3prl", "0.2", "def check(model, config, path): pass")
        package(served, "espnet-s3prl", "5.0", "def check(model, config, path): pass", module="s3prl")
        yield served


FILE = change("file", "preprocessor_config.json")


def test_without_changes_it_is_the_environment_itself(bench: Surroundings) -> None:
    result = bench.laboratory().run(bench.request)
    assert (result.environment.id, result.environment.derived_from) == (bench.request.id, None)
    assert [(cell.outcome, cell.exception) for cell in result.cells] == [(Outcome.BROKEN, "OSError")]


def test_a_variant_is_derived_and_named_by_its_changes(bench: Surroundings) -> None:
    result = bench.laboratory().run(bench.request, (FILE,))
    assert result.environment.derived_from == bench.request.id
    assert result.environment.id == f"{bench.request.id}+file-preprocessor_config.json"
    assert {cell.environment for cell in result.cells} == {result.environment.id}
    assert [cell.outcome for cell in result.cells] == [Outcome.WORKS]


def test_an_axis_that_moves_is_named_after_the_base(bench: Surroundings) -> None:
    result = bench.laboratory().run(bench.request, (change("axis", "s3prl=0.2"),))
    assert result.environment.id == f"{bench.request.id}+s3prl-0.2"
    assert result.environment.derived_from == bench.request.id
    assert result.environment.packages["s3prl"] == "0.2"
    assert result.environment.lock == f"locks/{result.environment.id}.txt"


def test_another_distribution_under_the_same_import_name(bench: Surroundings) -> None:
    result = bench.laboratory().run(bench.request, (change("replace", "s3prl -> espnet-s3prl newest"),))
    assert result.environment.packages["espnet-s3prl"] == "5.0"
    assert "s3prl" not in result.environment.packages
    assert [cell.outcome for cell in result.cells] == [Outcome.WORKS]


def test_what_is_known_is_not_run_again_unless_it_is_another_attempt(bench: Surroundings) -> None:
    laboratory = bench.laboratory()
    first = laboratory.run(bench.request, (FILE,))
    assert dump(bench.laboratory().run(bench.request, (FILE,))) == dump(first)
    assert len(bench.probed) == 1
    laboratory.run(bench.request, (FILE,), attempt=1)
    laboratory.run(bench.request)
    bench.laboratory(paths=("transformers",)).run(bench.request, (FILE,))
    bench.laboratory(probe=replace(bench.settings.probe, trials=99)).run(bench.request, (FILE,))
    assert len(bench.probed) == 5


def test_results_of_packages_alone_are_told_once_an_environment(bench: Surroundings) -> None:
    newer, laboratory = change("axis", "s3prl=0.2"), bench.laboratory()
    for changes in ((), (FILE,), (newer, FILE), (newer,)):
        laboratory.run(bench.request, changes)
    bench.laboratory(paths=("transformers",)).run(bench.request, (newer,))
    folder = bench.settings.work / "lab" / "results" / bench.settings.weights
    ((result, lock),) = of_packages(folder)
    assert result.environment.id.endswith("+s3prl-0.2")
    assert {cell.path for cell in result.cells} == {"s3prl-hf", "transformers"}
    assert "s3prl==0.2" in lock
    assert of_packages(folder, lambda one: one.environment.id == bench.request.id) == []


def test_what_came_out_differently_from_run_to_run_is_no_evidence(bench: Surroundings) -> None:
    pinned = change("pin", "helper<2")
    bench.laboratory().run(bench.request, (pinned,))
    folder = bench.settings.work / "lab" / "results" / bench.settings.weights
    ((first, _),) = of_packages(folder)
    assert [cell.outcome for cell in first.cells] == [Outcome.BROKEN]
    bench.shaky = (first.environment.id, Trials(passed=1, of=2))
    bench.laboratory().run(bench.request, (pinned,), attempt=1)
    ((both, _),) = of_packages(folder)
    assert both.cells == ()


def test_a_result_is_never_told_under_the_name_of_another_environment(bench: Surroundings) -> None:
    newest = replace(bench.request, transformers="newest")
    first, second = (bench.laboratory().run(request) for request in (bench.request, newest))
    assert first.environment.lock_sha256 == second.environment.lock_sha256
    assert [one.environment.id for one in (first, second)] == [bench.request.id, newest.id]


def test_an_interpreter_that_was_missing_may_be_there_the_next_time(
    bench: Surroundings, this_python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asrcompat.plan.prepare.find", lambda wanted: NoInterpreter(wanted=wanted, reason="none"))
    assert bench.laboratory().run(bench.request).cells[0].outcome is Outcome.UNAVAILABLE
    monkeypatch.setattr("asrcompat.plan.prepare.find", lambda _: this_python)
    assert bench.laboratory().run(bench.request).cells[0].outcome is Outcome.BROKEN


def test_an_error_of_the_harness_is_not_remembered(bench: Surroundings) -> None:
    bench.trouble.add(bench.request.id)
    assert bench.laboratory().run(bench.request).cells[0].outcome is Outcome.ERROR
    bench.trouble.clear()
    assert bench.laboratory().run(bench.request).cells[0].outcome is Outcome.BROKEN


def test_changes_of_what_a_probe_is_given_build_nothing(bench: Surroundings) -> None:
    laboratory = bench.laboratory()
    laboratory.run(bench.request)
    for one in (FILE, change("variable", "WORD=x"), change("config", "frontend_conf.multilayer_feature=false")):
        laboratory.run(bench.request, (one,))
    assert [home.name for home in (bench.settings.work / "lab" / "envs").iterdir()] == [bench.request.id]


def test_the_matrixs_own_environment_is_used_where_it_has_the_same_lock(bench: Surroundings) -> None:
    bench.laboratory().run(bench.request)
    (bench.settings.work / "lab" / "envs").rename(bench.settings.work / "envs")
    bench.laboratory().run(bench.request, (FILE,))
    assert not (bench.settings.work / "lab" / "envs").exists()


def test_the_checkpoints_folder_is_a_copy(bench: Surroundings, index: MiniatureIndex) -> None:
    package(
        index,
        "s3prl",
        "0.1",
        "def check(model, config, path):\n    raise ValueError(open(model + '/config.json').read())",
    )
    result = bench.laboratory().run(bench.request, (change("file", "config.json:layerdrop=0.0"),))
    assert json.loads(result.cells[0].message) == {"layerdrop": 0.0}
    original = bench.settings.root / "hub" / "owner" / "model" / "main" / "config.json"
    assert json.loads(original.read_text()) == {"layerdrop": 0.1}


def test_configuration_and_variables_reach_the_probe(bench: Surroundings, index: MiniatureIndex) -> None:
    body = "import os\ndef check(model, config, path):\n    raise ValueError(config + os.environ.get('WORD', ''))"
    package(index, "s3prl", "0.1", body)
    changes = (change("config", "frontend_conf.multilayer_feature=false"), change("variable", "WORD=said"))
    message = bench.laboratory().run(bench.request, changes).cells[0].message
    assert message == "# kept\nfrontend_conf:\n    multilayer_feature: false  # all layers\nsaid"
    assert "true" in (bench.settings.fixtures / "espnet" / "asr_s3prl.yaml").read_text()


IMPORTS = """
import torchaudio
torchaudio.set_audio_backend("sox_io")
from torchaudio.sox_effects import apply_effects_tensor
def check(*_):
    try:
        apply_effects_tensor(1, 2, effects=[])
    except RuntimeError as refused:
        assert "no sox effects" in str(refused)
        return
    raise LookupError("sound was left as it is, and nobody told")
"""


def test_a_shim_patches_a_module_that_is_imported_and_no_other_environment(
    bench: Surroundings, index: MiniatureIndex
) -> None:
    package(index, "s3prl", "0.1", IMPORTS)
    laboratory = bench.laboratory()
    broken, cured = (
        laboratory.run(bench.request),
        laboratory.run(bench.request, (change("shim", "torchaudio_backend"),)),
    )
    assert "has no attribute 'set_audio_backend'" in broken.cells[0].message
    assert cured.cells[0].outcome is Outcome.WORKS


@pytest.mark.parametrize("before", ["", "import torch.nn\n"])
def test_a_shim_turns_onednn_off_before_anything_else_of_torch_runs(tmp_path: Path, before: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(site_customisation(["torch_without_onednn"]), encoding="utf-8")
    (tmp_path / "torch" / "nn").mkdir(parents=True)
    (tmp_path / "torch" / "nn" / "__init__.py").write_text("")
    switch = "class backends:\n    class mkldnn:\n        set_flags = staticmethod(said.append)\n"
    (tmp_path / "torch" / "__init__.py").write_text(f"said = []\n{switch}")
    code = f"{before}import torch; print(torch.said)"
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "[False]\n"


def test_what_does_not_resolve_says_so_and_is_a_verdict(bench: Surroundings) -> None:
    result = bench.laboratory().run(bench.request, (change("axis", "s3prl=0.9"),))
    assert [(cell.outcome, cell.failed) for cell in result.cells] == [(Outcome.BROKEN, Stage.RESOLVE)]
    assert result.environment.derived_from == bench.request.id


def test_environments_that_are_not_kept_are_removed(bench: Surroundings) -> None:
    laboratory = bench.laboratory()
    pinned = laboratory.run(bench.request, (change("pin", "helper<2"), FILE))
    laboratory.run(bench.request)
    homes = bench.settings.work / "lab" / "envs"
    assert len(list(homes.iterdir())) == 2
    assert laboratory.free([pinned.environment.id]) > 0
    assert [home.name for home in homes.iterdir()] == [f"{bench.request.id}+helper-lt-2"]
    assert laboratory.run(bench.request).cells  # from memory, without its environment


def test_a_lock_can_be_had_of_every_result_that_was_built(bench: Surroundings) -> None:
    laboratory = bench.laboratory()
    text = laboratory.lock(laboratory.run(bench.request, (change("pin", "helper<2"),)))
    assert text is not None
    assert "helper==1.0" in text
    assert laboratory.lock(laboratory.run(bench.request, (change("axis", "s3prl=0.9"),))) is None


def test_other_code_that_gives_or_judges_makes_another_key(
    bench: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    laboratory = bench.laboratory()
    laboratory.run(bench.request)
    read = Path.read_bytes
    edited = ["run/watch.py", "run/process.py", "run/paths.py", "run/inputs.py", "hub/server.py", "hub/speech.py"]
    for number, name in enumerate([*edited, "lab/given.py", "lab/configuration.py"], start=2):

        def other(file: Path, name: str = name) -> bytes:
            return read(file) + (b"# edited" if file.as_posix().endswith(f"asrcompat/{name}") else b"")

        monkeypatch.setattr(Path, "read_bytes", other)
        laboratory.run(bench.request)
        assert len(bench.probed) == number, name


def test_a_variant_is_told_under_its_own_base_where_two_move_to_one_release(
    bench: Surroundings, index: MiniatureIndex
) -> None:
    package(index, "s3prl", "0.3", CHECK)
    bases = (bench.request, replace(bench.request, s3prl="0.2"))
    for newest in ("0.3", "0.9"):  # the second of them does not resolve
        found = [bench.laboratory().run(base, (change("axis", f"s3prl={newest}"),)) for base in bases]
        assert [one.environment.derived_from for one in found] == [base.id for base in bases]
        assert len({one.environment.id for one in found}) == 2


def test_a_build_that_failed_is_believed_no_longer_than_a_lock(
    bench: Surroundings, index: MiniatureIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was wanting, a compiler say, may be there the next time."""
    index.files["unbuildable-1.0.tar.gz"] = sdist("unbuildable", "raise SystemExit('cmake: command not found')")
    broken, now = (change("extra", "unbuildable==1.0"),), time.time()
    result = bench.laboratory().run(bench.request, broken)
    assert (result.cells[0].failed, result.environment.lock is not None) == (Stage.INSTALL, True)
    built: list[str] = []

    def build(name: str, *_: object, **__: object) -> Failure:
        built.append(name)
        return Failure(kind="build", message="no")

    monkeypatch.setattr("asrcompat.run.session.build", build)
    bench.laboratory().run(bench.request, broken)
    assert built == []
    monkeypatch.setattr("asrcompat.lab.known.time.time", lambda: now + 2 * 3600)
    bench.laboratory().run(bench.request, broken)
    assert len(built) == 1


def test_a_verdict_that_is_refused_is_made_again(bench: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = session.__dict__["probe_everywhere"]  # the stand-in

    def without_evidence(*given: Any, **more: Any) -> tuple[list[Cell], dict[str, Any]]:
        cells, facts = probe(*given, **more)
        return [replace(cell, outcome=Outcome.WORKS, failed=None, evidence=None) for cell in cells], facts

    monkeypatch.setattr("asrcompat.run.session.probe_everywhere", without_evidence)
    assert bench.laboratory(admit=admit).run(bench.request).cells[0].outcome is Outcome.ERROR
    monkeypatch.setattr("asrcompat.run.session.probe_everywhere", probe)
    assert bench.laboratory(admit=admit).run(bench.request).cells[0].outcome is Outcome.BROKEN


def test_the_matrixs_logs_are_left_alone(bench: Surroundings) -> None:
    laboratory = bench.laboratory()
    laboratory.run(bench.request)
    laboratory.run(bench.request, (FILE,), attempt=1)
    assert bench.logs == [f"lab/{bench.request.id}", f"lab/{bench.request.id}+file-preprocessor_config.json@1"]
