"""The rivals' runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from asrcompat.hub.server import Hub
from asrcompat.model import Device
from asrcompat.run import host, outcome
from asrcompat.run.paths import PROBE, path_files
from asrcompat.run.probing import Target, environment, settings_of
from asrcompat.run.records import Raw, read_events
from asrcompat.run.scrub import Scrubber
from asrcompat.settings import settings_for
from contest.bench import PATHS, Bench, seconds_of
from contest.took import Took

_NOXFILE = Path(__file__).parent / "rival_noxfile.py"


def by_a_noxfile(bench: Bench, backend: str) -> Took:
    """A run of the rivals' noxfile, without environments."""
    folder = bench.folder / backend
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    settings = settings_for(bench.options, None, request=None, threads=1)
    with Hub(bench.inputs.hub_root) as hub:
        told: list[dict[str, Any]] = []
        for request, source in bench.sources.items():
            target = Target(
                python=source.interpreter.executable,
                distributions=tuple(source.lock.axis_versions),
                endpoint=hub.endpoint,
                model=settings.model,
                inputs=bench.inputs,
                fixtures=settings.fixtures,
                probe=settings.probe,
                limits=settings.limits,
                threads=host.usable_cores(),
            )
            probes = [_probe(target, name, folder / request.id) for name in PATHS]
            listed = folder / f"{request.id}.txt"
            listed.write_text("".join(f"{name}=={version}\n" for name, version in source.lock.versions.items()))
            python = str(source.interpreter.executable)
            files = {"requirements": str(listed), "installed": str(folder / f"{request.id}.seconds")}
            told.append({"id": request.id, "python": python, "probes": probes, **files})
        cells = folder / "cells.json"
        cells.write_text(json.dumps({"program": str(PROBE / "__main__.py"), "environments": told}), encoding="utf-8")
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "nox",
            "--noxfile",
            str(_NOXFILE),
            "--envdir",
            str(folder / "nox"),
        ]
        wheels = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(bench.folder / "wheels")}
        own = {"RIVAL_CELLS": str(cells), "RIVAL_BACKEND": backend, "UV_OFFLINE": "1", **wheels}
        took = Took(wall=seconds_of(command, bench, cwd=folder, **own))
    shutil.rmtree(folder / "nox")
    for one in told:
        took.installs[one["id"]] = float(Path(one["installed"]).read_text(encoding="utf-8"))
        for name in PATHS:
            record = Path(folder / one["id"] / name / f"{name}.jsonl")
            raw = Raw(path=name, device=Device.CPU, events=tuple(read_events(record)), log=b"")
            took.add(one["id"], outcome.cell(one["id"], raw, Scrubber({})))
    return took


def _probe(target: Target, name: str, folder: Path) -> dict[str, Any]:
    """What the process of one path is given: the probe's settings, and its environment."""
    own = folder / name
    (own / "scratch").mkdir(parents=True)
    file = own / "settings.json"
    settings = settings_of(target, path_files([name]), Device.CPU, own, preimport=False)
    file.write_text(json.dumps(settings), encoding="utf-8")
    variables = environment(target, own)
    del variables["PATH"]  # the session's, with its environment's programs
    return {"settings": str(file), "env": variables}


def wheels(bench: Bench) -> None:
    """Have pip find everything as built wheels, and uv in its cache."""
    folder = bench.folder / "wheels"
    for request, source in bench.sources.items():
        listed = bench.folder / "listed.txt"
        listed.write_text(source.text)
        venv = bench.folder / f"pip-{request.python}"
        if not venv.exists():
            subprocess.run([source.interpreter.executable, "-m", "venv", venv], check=True)
        command: list[str | Path] = [
            venv / "bin" / "pip",
            "wheel",
            "--quiet",
            "--use-pep517",
            "--no-deps",
            "--wheel-dir",
            folder,
            "--requirement",
            listed,
        ]
        subprocess.run(command, check=True, env={**bench.variables, "PIP_FIND_LINKS": str(folder)})
