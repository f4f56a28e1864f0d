"""Plans for tests of commands: options of the profile that covers, plans that are made without an index, a report."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from factories import make_cell, make_environment, make_results
from planned import NEW_ID, OLD_ID, make_plan

from asrcompat.model import Outcome
from asrcompat.options import Options, parse
from asrcompat.plan.document import Plan
from asrcompat.planning import planned as module
from asrcompat.result_files import dump
from asrcompat.run.interpreters import Interpreter

ENTRY = """
[[profiles.wide.grid]]
python = "3.10"
torch = "2.3.1"
espnet = "202402"
transformers = "4.41.2"
s3prl = "0.4.14"
"""


def options(file: Path, *arguments: str, command: str = "matrix") -> Options:
    return parse([command, "--matrix", str(file), "--profile", "wide", *arguments])[1]


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


class Making:
    """Counts the plans that are made, and makes the same one each time."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def __call__(self, asked: Any, sources: Any, *, before: Plan | None, tell: Any) -> Plan:
        self.made.append(asked)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return make_plan(key=asked.key(sources), made_at=now, as_of=asked.as_of)


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch, this_python: Interpreter) -> Making:
    monkeypatch.setattr("asrcompat.settings.reachable", lambda _: False)
    monkeypatch.setattr("asrcompat.plan.assemble.find", lambda _: this_python)
    making = Making()
    monkeypatch.setattr(module, "make_plan", making)
    return making


def report_on(folder: Path, *, generated_at: str = "2026-11-25T12:00:00+00:00") -> None:
    """A report on the old environment, whose failure is known, and on the new one, whose failure is not."""
    old, new = make_environment(OLD_ID), make_environment(NEW_ID, python="3.12.1")
    old = replace(old, packages={**old.packages, "s3prl": "0.4.14"})
    packages = {"torch": "2.8.0+cpu", "torchaudio": "2.8.0", "transformers": "5.24.0", "espnet": "202402"}
    new = replace(new, packages={**packages, "espnet-s3prl": "2026.5.14"})
    broken = [make_cell(one, "s3prl-hf", Outcome.BROKEN, exception="A", message="a") for one in (old, new)]
    cells = [replace(broken[0], signature="known"), replace(broken[1], signature="unrecognised")]
    found = replace(make_results(cells, [old, new]), profile="wide", generated_at=generated_at)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(dump(found))
