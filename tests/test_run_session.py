"""What a session asks of the probe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from factories import make_environment
from session_settings import make_settings

from asrcompat.run import session
from asrcompat.run.cells import Subject
from asrcompat.run.environment import Built
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.spec import Spec


def test_the_versions_of_everything_asked_for_are_read(
    spec: Spec, this_python: Interpreter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An extra is among them: its cells would be refused if the probe had not read it."""
    asked: list[Subject] = []

    def probed(subject: Subject, *_: Any, **__: Any) -> tuple[list[Any], dict[str, Any]]:
        asked.append(subject)
        return [], {}

    built = Built(python=Path("python"), reused=True, seconds=0)
    monkeypatch.setattr(session, "build", lambda *_, **__: built)
    monkeypatch.setattr(session, "prepare_inputs", lambda **_: type("Inputs", (), {"weights_comparison": None}))
    monkeypatch.setattr(session, "probe_everywhere", probed)
    versions = {"torch": "2.3.1", "fairseq": "0.12.2"}
    settings = make_settings(spec, tmp_path)
    text = "".join(f'[[packages]]\nname = "{name}"\nversion = "{version}"\n' for name, version in versions.items())
    source = session.Locked(lock=Lock(text), interpreter=this_python, text="")
    session.run_session(make_environment(packages=versions), source, settings, tell=lambda _: None)
    assert set(asked[0].distributions) == set(versions)
