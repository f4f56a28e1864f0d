"""Results compare where the same code probed the same things and judged by the same settings."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from session_settings import make_settings

from asrcompat.run import code
from asrcompat.run.cells import Settings
from asrcompat.spec.load import load_spec


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures")
    spec = load_spec(ROOT / "matrix.toml")
    return make_settings(spec, tmp_path, work=tmp_path / "work", paths=("transformers",))


def append(file: Path) -> None:
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")


@pytest.mark.parametrize("name", ["claims/config.toml", "hub/README.md"])
def test_what_only_explains_changes_nothing(settings: Settings, name: str) -> None:
    before = code.digest(settings)
    assert before == code.digest(replace(settings, root=ROOT))
    append(settings.fixtures / name)
    assert code.digest(settings) == before


@pytest.mark.parametrize(
    "name",
    [
        "espnet/asr_s3prl.yaml",
        "s3prl/asr.yaml",
        "reference/synthetic-small.json",
        "hub/Harveenchadha/wav2vec2-pretrained-clsril-23-10k/main/README.md",  # served, as the repository has it
    ],
)
def test_what_is_probed_with_changes_it(settings: Settings, name: str) -> None:
    before = code.digest(settings)
    append(settings.fixtures / name)
    assert code.digest(settings) != before


@pytest.mark.parametrize("name", ["probe/ladder.py", "hub/server.py", "run/outcome.py", "run/session.py"])
def test_code_that_gives_probes_or_judges_changes_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before = code.digest(settings)
    read = Path.read_bytes

    def edited(file: Path) -> bytes:
        return read(file) + (b"# edited" if file.as_posix().endswith(f"asrcompat/{name}") else b"")

    monkeypatch.setattr(Path, "read_bytes", edited)
    assert code.digest(settings) != before


@pytest.mark.parametrize(
    ("where", "changed"),
    [
        ("probe", {"tolerance": 1e-3}),
        ("limits", {"cell_seconds": 1.0}),
        ("limits", {"memory_gb": 1.0}),
    ],
)
def test_settings_that_judge_change_it(settings: Settings, where: str, changed: dict[str, Any]) -> None:
    other: Any = replace(settings, **{where: replace(getattr(settings, where), **changed)})
    assert code.digest(other) != code.digest(settings)


def test_more_or_other_trials_and_the_time_for_them_change_nothing(settings: Settings) -> None:
    other = replace(
        settings,
        probe=replace(settings.probe, trials=100, seed=24),
        limits=replace(settings.limits, train_seconds=3000.0, install_seconds=1.0),
    )
    assert code.digest(other) == code.digest(settings)


def test_code_that_changed_during_a_session_equals_none(settings: Settings) -> None:
    before = code.digest(settings)
    assert code.throughout(before, settings) == before
    append(settings.fixtures / "s3prl" / "asr.yaml")
    after = code.digest(settings)
    assert code.throughout(before, settings) not in (before, after)
