"""A run of two environments on a miniature index: a tiny stand-in for the probe tells what was run.

Sessions run in the test's own process. Modules that use it import `index` and `bench`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from matrix_text import edited
from miniature import MiniatureIndex, serving
from tiny_lab import Surroundings, package

from asrcompat.cli import main
from asrcompat.model import EnvironmentResult
from asrcompat.run import schedule
from asrcompat.run.store import Store

OLD = "py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2"
NEW = "py3.10-torch2.3.1-s3prl0.4.15-espnet202611-transformers4.57.6"
PATHS = ("transformers", "s3prl-hf")
S3PRL = """
import transformers
def check(model, config, path):
    if path == 's3prl-hf' and transformers.VERSION == '4.57.6':
        raise ValueError('planted is broken')
"""


@pytest.fixture
def index() -> Iterator[MiniatureIndex]:
    """What the environments are made of."""
    with serving(("torch", "2.3.1", ()), ("torchaudio", "2.3.1", ()), ("setuptools", "80.0", ())) as served:
        for version in ("4.41.2", "4.57.6"):
            package(served, "transformers", version, f"VERSION = {version!r}")
        for version in ("202402", "202611"):
            package(served, "espnet", version)
        package(served, "s3prl", "0.4.15", S3PRL)
        yield served


def small_matrix(index: MiniatureIndex) -> str:
    """The matrix.toml of two environments on an index."""
    return edited(
        ('name = "someone/some-model"', 'name = "owner/model"'),
        ('transformers = ["4.41.2", "newest"]', 'transformers = ["4.41.2", "4.57.6", "newest"]'),
        ('s3prl = ["0.4.14", "0.4.15"]\n', 's3prl = "0.4.15"\n'),
        ('python = "3.12"\ntorch = ["2.3.1", "newest"]', 'python = "3.10"\ntorch = "2.3.1"'),
        (
            'transformers = "newest"\ns3prl = ["0.4.15", "espnet-s3prl newest"]',
            'transformers = "4.57.6"\ns3prl = "0.4.15"',
        ),
        ('[[exclude]]\nwhen = { torch = "newest", s3prl = "espnet-s3prl newest" }\nreason = "not looked at"\n', ""),
        ('devices = ["cpu", "cuda"]', 'devices = ["cpu"]'),
        ('torch_cpu = "https://example.org/cpu"', f'url = "{index.url}"'),
    )


@pytest.fixture
def bench(bench: Surroundings, index: MiniatureIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Surroundings:
    """The checkout, as yet without results."""
    (tmp_path / "matrix.toml").write_text(small_matrix(index), encoding="utf-8")
    shutil.copytree(ROOT / "fixtures" / "claims", tmp_path / "fixtures" / "claims")

    def run_sessions(names: Sequence[str], *, options: Sequence[str], **_: Any) -> list[str]:
        for name in names:
            main(["session", name, *options])
        return []

    monkeypatch.setattr(schedule, "run_sessions", run_sessions)
    monkeypatch.setattr("asrcompat.run.host.cuda_devices", tuple)
    monkeypatch.setattr("asrcompat.running.turns.prepare_inputs", lambda **_: None)
    return bench


def command(tmp_path: Path, name: str, *arguments: str, work: str = "work") -> int:
    """Run a command in the miniature checkout; its exit code."""
    common = ["--matrix", str(tmp_path / "matrix.toml"), "--work", str(tmp_path / work)]
    running = ["--torch-index", "none", "--threads", "1"] if name in ("matrix", "session") else []
    return main([name, *arguments, *common, *running])


def probed(bench: Surroundings) -> list[tuple[str, tuple[str, ...]]]:
    """What was run since this was asked."""
    found = list(bench.probed)
    bench.probed.clear()
    return found


def result(tmp_path: Path, name: str = OLD) -> EnvironmentResult:
    """What is kept of an environment."""
    found = Store(tmp_path / "work", "synthetic-base").read(name, warn=pytest.fail)
    assert found is not None
    return found


def outcomes(tmp_path: Path, name: str = OLD) -> dict[str, str]:
    """The outcomes of its cells."""
    return {f"{cell.path} on {cell.device}": cell.outcome.value for cell in result(tmp_path, name).cells}
