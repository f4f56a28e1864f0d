"""What a run comes to: its commands carry what was chosen, wherever they are given."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT

from asrcompat.concluding import choices
from asrcompat.options import parse


def chosen(*arguments: str) -> list[str]:
    return choices(parse(["matrix", *arguments])[1])


def test_what_was_given_is_carried(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    assert chosen() == []
    given = ["--work", "x y", "--reports", "there", "--torch-index", "none"]
    assert chosen(*given) == given
    other = tmp_path / "other.toml"
    other.write_bytes((ROOT / "matrix.toml").read_bytes())
    assert chosen("--matrix", str(other)) == ["--matrix", str(other)]
    assert chosen("--matrix", str(other), "--work", "x") == ["--matrix", str(other), "--work", str(ROOT / "x")]
