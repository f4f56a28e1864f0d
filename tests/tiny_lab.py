"""A laboratory over a miniature index: real requests, locks, installations and layouts, a tiny stand-in for the probe.

The stand-in asks the packages in the environment: `s3prl` of a tiny wheel has ``check(model, config, path)``, which
raises where something is wrong. What is changed is so seen by running it, as it is by the real probe.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from factories import make_cell, make_environment
from miniature import MiniatureIndex, wheel
from session_settings import make_settings

from asrcompat.lab.change import Change, Kind
from asrcompat.lab.laboratory import Laboratory
from asrcompat.model import Cell, Device, EnvironmentResult, Outcome, Stage, Trials
from asrcompat.plan.prepare import Sources
from asrcompat.run.cells import Settings, Subject
from asrcompat.run.inputs import Inputs
from asrcompat.run.interpreters import Interpreter
from asrcompat.spec import Request, Spec

MODEL = "owner/model"

_ASK = """
import json, sys, traceback
model, config, path = sys.argv[1:]
try:
    import s3prl
    s3prl.check(model, config, path)
except BaseException as error:
    print(json.dumps([type(error).__name__, str(error), traceback.format_exc()]))
"""


def package(
    index: MiniatureIndex, name: str, version: str, body: str = "", *, requires: tuple[str, ...] = (), module: str = ""
) -> None:
    """Put a wheel with this module into the index."""
    file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    index.files[file] = wheel(name, version, requires=requires, module=module, body=body)


@dataclass
class Surroundings:
    """What tests look at: the laboratory's settings and every probe that ran (environment, paths)."""

    settings: Settings
    sources: Sources
    request: Request
    said: list[str] = field(default_factory=list)
    probed: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    train_seconds: list[float] = field(default_factory=list)
    stopped_at: set[str] = field(default_factory=set)  # paths at which somebody stops the session
    trouble: set[str] = field(default_factory=set)  # environments whose probe ends in an error of the harness
    shaky: tuple[str, Trials] | None = None  # one whose cells, where they would be broken, are unstable

    def laboratory(
        self, *, admit: Callable[[EnvironmentResult], EnvironmentResult] = lambda result: result, **changes: Any
    ) -> Laboratory:
        settings = replace(self.settings, **changes)
        return Laboratory(settings=settings, sources=self.sources, tell=self.said.append, admit=admit)

    def base(self) -> EnvironmentResult:
        """The environment as installed."""
        return self.laboratory().run(self.request)


def make_bench(
    tmp_path: Path, spec: Spec, index: MiniatureIndex, python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> Surroundings:
    """A laboratory's surroundings under `tmp_path`, with the stand-in in place of the probe."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setattr("asrcompat.plan.prepare.find", lambda _: python)
    fixtures = tmp_path / "fixtures"
    (fixtures / "espnet").mkdir(parents=True)
    (fixtures / "espnet" / "asr_s3prl.yaml").write_text(
        "# kept\nfrontend_conf:\n    multilayer_feature: true   # all layers\n", encoding="utf-8"
    )
    hub = tmp_path / "hub"
    for name, files in {MODEL: ("config.json",), "facebook/wav2vec2-base": ("preprocessor_config.json",)}.items():
        (hub / name / "main").mkdir(parents=True)
        for file in files:
            (hub / name / "main" / file).write_text('{"layerdrop": 0.1}', encoding="utf-8")
    inputs = Inputs(hub_root=hub, symbols=(), probe={}, expected={}, states={}, fairseq=hub)
    monkeypatch.setattr("asrcompat.run.session.prepare_inputs", lambda **_: inputs)
    sources = Sources(
        index=replace(spec.index, url=index.url, lock_hours=1.0),
        torch_index=None,
        work=tmp_path,
        seconds=60,
        fresh=False,
    )
    settings = make_settings(
        spec,
        tmp_path,
        work=tmp_path / "work",
        model=MODEL,
        paths=("s3prl-hf",),
        install_arguments=sources.install_arguments(),
    )
    request = Request(python=python.version, torch="1.0", torchaudio="0.0", transformers="2.0", s3prl="0.1", espnet="1")
    bench = Surroundings(settings=settings, sources=sources, request=replace(request, torchaudio="0.0"))

    def probe_everywhere(
        subject: Subject,
        files: Mapping[str, Path],
        given: Inputs,
        settings: Settings,
        *,
        tell: object,
        fixtures: Path,
        known: Collection[tuple[str, Device]],
        keep: Callable[[list[Cell], dict[str, Any]], None],
    ) -> tuple[list[Cell], dict[str, Any]]:
        files = {path: file for path, file in files.items() if (path, Device.CPU) not in known}
        bench.probed.append((subject.identity, tuple(files)))
        bench.logs.append(subject.logs)
        bench.train_seconds.append(settings.limits.train_seconds)
        found = {name: _versions(subject, name) for name in subject.distributions}
        found_cells: list[Cell] = []
        for path in files:
            if path in bench.stopped_at:
                raise KeyboardInterrupt
            found_cells.append(_cell(subject, path, given, fixtures, found, bench, settings))
            keep(found_cells, {})
        return found_cells, {}

    monkeypatch.setattr("asrcompat.run.session.probe_everywhere", probe_everywhere)
    return bench


def _versions(subject: Subject, name: str) -> str:
    (found,) = subject.python.parent.parent.glob(f"lib/python3*/site-packages/{name.replace('-', '_')}-*.dist-info")
    return found.name.removesuffix(".dist-info").rpartition("-")[2]


def _cell(
    subject: Subject,
    path: str,
    given: Inputs,
    fixtures: Path,
    versions: Mapping[str, str],
    bench: Surroundings,
    settings: Settings,
) -> Cell:
    environment = make_environment(subject.identity, packages=versions)
    if subject.identity in bench.trouble:
        return make_cell(environment, path, Outcome.ERROR, message="the disk is full")
    model = given.states.get("published", "a name")
    config = (fixtures / "espnet" / "asr_s3prl.yaml").read_text(encoding="utf-8")
    said = subprocess.run(
        [subject.python, "-c", _ASK, model, config, path],
        env={"PATH": os.environ["PATH"], **subject.variables},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if not said:
        trials = Trials(passed=settings.probe.trials, of=settings.probe.trials)
        return make_cell(environment, path, trials=trials)
    exception, message, traceback = json.loads(said.splitlines()[-1])
    stage, outcome = Stage.IMPORT if "import" in message else Stage.LOAD, Outcome.BROKEN
    if bench.shaky is not None and bench.shaky[0] == subject.identity:
        stage, outcome = Stage.TRAIN, Outcome.UNSTABLE
    cell = make_cell(environment, path, outcome, stage, exception=exception, message=message)
    if bench.shaky is not None and outcome is Outcome.UNSTABLE:
        cell = replace(cell, trials=bench.shaky[1])
    *passed, failed = cell.checks
    data = {"exception": exception, "traceback": traceback, "causes": [f"{exception}: {message}"]}
    return replace(cell, checks=(*passed, replace(failed, data=data)))


def sdist(name: str, backend: str, version: str = "1.0", *, dynamic: bool = False) -> bytes:
    """One whose metadata can be read without building it, unless they are `dynamic`."""
    project = f'[project]\nname = "{name}"\nversion = "{version}"\n'

    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
        + ("" if dynamic else project),
        "own.py": backend,
        "PKG-INFO": f"Metadata-Version: {'1.0' if dynamic else '2.2'}\nName: {name}\nVersion: {version}\n",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for file, text in files.items():
            info = tarfile.TarInfo(f"{name}-{version}/{file}")
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def change(kind: Kind, value: str) -> Change:
    return Change(kind=kind, value=value)
