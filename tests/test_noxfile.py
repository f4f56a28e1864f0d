"""What the sessions of noxfile.py run: pyproject.toml's settings are for those who ask for nothing."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from unittest.mock import Mock

import pytest
from conftest import ROOT


def test_the_session_of_long_faults_leaves_none_of_its_tests_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    spec = importlib.util.spec_from_file_location("noxfile_under_test", ROOT / "noxfile.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    session = Mock()
    module.faults(session)
    (command,) = (call.args for call in session.run.call_args_list)
    assert command[0] == "pytest"
    said = subprocess.run(
        [sys.executable, "-m", *command, "--collect-only"], capture_output=True, text=True, check=True
    ).stdout
    assert "test_a_run_that_is_killed_at_a_hundred_moments" in said
    assert "test_a_killed_scheduler_is_told" in said
    assert "deselected" not in said
