"""What stands around the probe of an environment that was found: whom it waits for, and which versions it asks."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from conftest import ROOT
from factories import MODEL

from asrcompat.doctor.examine import examine
from asrcompat.doctor.given import Given
from asrcompat.doctor.patient import Distribution, Patient
from asrcompat.model import Cell, Device
from asrcompat.run.cells import Settings, Subject
from asrcompat.spec import Spec

PATIENT = Patient(
    python=Path("python"),
    version="3.10.13",
    installed={
        name: Distribution(name=name, version=version)
        for name, version in (("fairseq", "0.12.2"), ("numpy", "1.26.4"), ("torch", "2.3.1"))
    },
)
IDENTITY = "doctor-box-py3.10-torch2.3.1-fairseq0.12.2"


def is_held(folder: Path) -> bool:
    """Whether somebody is alone with the environment of this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_two_doctors_of_one_environment_wait_for_each_other_and_fairseqs_version_is_asked(
    monkeypatch: pytest.MonkeyPatch, spec: Spec, tmp_path: Path
) -> None:
    home, held, subjects = tmp_path / "probe" / IDENTITY, [], []

    def lay_out(*_: Any, **__: Any) -> Path:
        held.append(is_held(home))
        return tmp_path

    def probe_everywhere(subject: Subject, *_: Any, **__: Any) -> tuple[list[Cell], dict[str, Any]]:
        held.append(is_held(home))
        subjects.append(subject)
        return [], {}

    monkeypatch.setattr("asrcompat.doctor.examine.prepare_inputs", Mock(return_value=Mock(weights_comparison=None)))
    monkeypatch.setattr("asrcompat.doctor.given.lay_out", lay_out)
    monkeypatch.setattr("asrcompat.doctor.examine.probe_everywhere", probe_everywhere)
    settings = Settings(
        root=ROOT,
        work=tmp_path,
        model=MODEL,
        weights="synthetic-small",
        paths=("transformers",),
        devices=(Device.CPU,),
        probe=spec.probe,
        findings={},
        limits=spec.limits,
        install_arguments=(),
        threads=1,
    )
    given = Given(config=tmp_path / "train.yaml", model=MODEL)
    result = examine(PATIENT, settings, name="box", given=given, tell=pytest.fail)
    assert held == [True, True]
    assert not is_held(home)
    assert result.environment.packages == {"torch": "2.3.1", "fairseq": "0.12.2"}
    assert [subject.distributions for subject in subjects] == [("torch", "fairseq")]
