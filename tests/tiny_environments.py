"""Environments of tiny packages in one work folder, really installed; modules import the fixtures from here."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from miniature import MiniatureIndex, serving, wheel

from asrcompat.plan.resolve import Resolver
from asrcompat.run.bytecode import shared
from asrcompat.run.environment import Built, build
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.spec import Spec

BODY = "def fail():\n    raise ValueError('as asked for')\n"


@pytest.fixture
def index() -> Iterator[MiniatureIndex]:
    with serving(("helper", "1.0", ()), ("helper", "2.0", ()), ("other", "1.0", ())) as served:
        for version in ("1.0", "2.0"):
            served.files[f"torch-{version}-py3-none-any.whl"] = wheel("torch", version, body=BODY)
        yield served


class Place:
    """Environments of tiny packages in one work folder."""

    def __init__(self, work: Path, spec: Spec, index: MiniatureIndex, python: Interpreter) -> None:
        self.work, self.python, self.url = work, python, index.url
        settings = replace(spec.index, url=index.url)
        self.resolver = Resolver(interpreter=python, index=settings, torch_index=None, work=work, seconds=60)

    def built(self, name: str, *requirements: str) -> Path:
        lock = self.resolver.lock(requirements)
        assert isinstance(lock, Lock)
        arguments = ("--default-index", self.url)
        made = build(name, lock, interpreter=self.python, arguments=arguments, work=self.work, seconds=60)
        assert isinstance(made, Built), made
        return made.python.parent.parent


@pytest.fixture
def place(
    tmp_path: Path, spec: Spec, index: MiniatureIndex, this_python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> Place:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    return Place(tmp_path, spec, index, this_python)


def imported(environment: Path, *modules: str) -> None:
    """Let an environment import modules, and compile those that it has not compiled."""
    run(environment, f"import {', '.join(modules)}")


def run(environment: Path, code: str) -> str:
    """What the environment's Python says of code on its standard error."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [str(environment / "bin" / "python"), "-c", code]
    ran = subprocess.run(command, env=variables, check=False, capture_output=True, text=True)
    return ran.stderr


def names(environment: Path) -> set[str]:
    """The modules whose compiled form it shares."""
    return {name.partition("/")[2].partition(".")[0] for _, name in shared(environment)}
