"""What everybody is given: the cells, their locks, the checkpoint, and warm caches."""

from __future__ import annotations

import json
import os
import subprocess
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from asrcompat.options import Options
from asrcompat.plan.prepare import prepare
from asrcompat.run.inputs import Inputs, prepare_inputs
from asrcompat.run.session import Locked
from asrcompat.settings import settings_for, sources_for
from asrcompat.spec import Request

ROOT = Path(__file__).parents[2]
PATHS = ("transformers", "s3prl-hf", "espnet-s3prl")
_AXES = ("python", "torch", "transformers", "s3prl", "espnet")


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A checkout of its own with a profile of these cells, and what everybody is given."""

    folder: Path
    options: Options
    inputs: Inputs
    sources: Mapping[Request, Locked]

    @property
    def work(self) -> Path:
        """The harness's work folder."""
        return self.options.work_folder

    @property
    def variables(self) -> dict[str, str]:
        """The environment of every run: compiled modules are written."""
        return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def prepared(folder: Path, patterns: Sequence[str], weights: str) -> Bench:
    """A clone of what is committed, with a profile of the chosen environments of core, and what all are given."""
    checkout = folder / "checkout"
    subprocess.run(["/usr/bin/env", "git", "clone", "--quiet", ROOT, checkout], check=True)
    whole = Options(matrix=checkout / "matrix.toml")
    wanted = [one for one in whole.chosen_environments if any(fnmatchcase(one.id, each) for each in patterns)]
    with (checkout / "matrix.toml").open("rb") as file:
        grid = tomllib.load(file)["profiles"]["core"]["grid"]
    chosen = [one for one in grid if not one.get("paths") and _is_of(one, wanted)]
    with (checkout / "matrix.toml").open("a", encoding="utf-8") as file:
        file.write("\n".join(_profile(chosen, weights)))
    options = Options(matrix=checkout / "matrix.toml", profile="benchmark", devices=("cpu",), torch_index="none")
    sources = {}
    for request in options.chosen_environments:
        _, source = prepare(request, sources_for(options))
        if not isinstance(source, Locked):
            raise SystemExit(f"{request.id}: {source.message}")
        sources[request] = source
    settings = settings_for(options, None, request=None, threads=1)
    inputs = prepare_inputs(
        model=settings.model, weights=settings.weights, fixtures=settings.fixtures, work=settings.work
    )
    return Bench(folder=folder, options=options, inputs=inputs, sources=sources)


def _is_of(entry: Mapping[str, Any], requests: Sequence[Request]) -> bool:
    return any(all(getattr(request, axis) == entry[axis] for axis in _AXES) for request in requests)


def _profile(grid: Sequence[Mapping[str, Any]], weights: str) -> Iterator[str]:
    yield "\n[profiles.benchmark]\ndescription = 'What is measured'\nfindings = false"
    yield f"weights = {json.dumps(weights)}\npaths = {json.dumps(list(PATHS))}"
    for entry in grid:
        yield "[[profiles.benchmark.grid]]"
        yield from (f"{key} = {json.dumps(entry[key])}" for key in _AXES)
    yield ""


def seconds_of(command: Sequence[str | Path], bench: Bench, *, cwd: Path, **own: str) -> float:
    """The seconds that a command takes; it has to come to an end of its own."""
    started = time.monotonic()
    with (bench.folder / "log.txt").open("ab") as log:
        done = subprocess.run(
            command, cwd=cwd, env={**bench.variables, **own}, stdout=log, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(map(str, command))}: exit code {done.returncode}; see {bench.folder / 'log.txt'}")
    return time.monotonic() - started
