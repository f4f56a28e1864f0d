"""Results compare where the same code probed the same things."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import ROOT

from asrcompat.run import code


@pytest.fixture
def fixtures(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures")
    return tmp_path / "fixtures"


def test_what_only_explains_changes_nothing(fixtures: Path) -> None:
    before = code.digest(fixtures)
    assert before == code.digest(ROOT / "fixtures")
    (fixtures / "claims" / "config.toml").write_text("", encoding="utf-8")
    assert code.digest(fixtures) == before


@pytest.mark.parametrize("name", ["espnet/asr_s3prl.yaml", "s3prl/asr.yaml", "reference/synthetic-small.json"])
def test_what_is_probed_with_changes_it(fixtures: Path, name: str) -> None:
    before = code.digest(fixtures)
    file = fixtures / name
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert code.digest(fixtures) != before


@pytest.mark.parametrize("name", ["probe/ladder.py", "hub/server.py", "run/outcome.py", "run/session.py"])
def test_code_that_gives_probes_or_judges_changes_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = code.digest(ROOT / "fixtures")
    read = Path.read_bytes

    def edited(file: Path) -> bytes:
        return read(file) + (b"# edited" if file.as_posix().endswith(f"asrcompat/{name}") else b"")

    monkeypatch.setattr(Path, "read_bytes", edited)
    assert code.digest(ROOT / "fixtures") != before
