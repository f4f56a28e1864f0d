"""What stands around the probe of an environment that was found: whom it waits for, and which versions it asks."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from conftest import ROOT
from factories import MODEL
from session_settings import make_settings

from asrcompat.doctor.examine import environment_of, examine, listing
from asrcompat.doctor.given import Given
from asrcompat.doctor.origins import Origin, unreleased
from asrcompat.doctor.patient import Distribution, Patient
from asrcompat.model import Cell
from asrcompat.run.cells import Subject
from asrcompat.spec import Spec

PATIENT = Patient(
    python=Path("python"),
    version="3.10.13",
    installed={
        name: Distribution(name=name, version=version)
        for name, version in (("fairseq", "0.12.2"), ("numpy", "1.26.4"), ("torch", "2.3.1"))
    },
)
IDENTITY = environment_of(PATIENT, "box").id


def with_numpy(number: str) -> Patient:
    """The same but for numpy."""
    return replace(PATIENT, installed={**PATIENT.installed, "numpy": Distribution(name="numpy", version=number)})


def test_environments_that_differ_in_anything_have_ids_of_their_own() -> None:
    patients = [(PATIENT, "box"), (with_numpy("1.23.5"), "box"), (PATIENT, "other")]
    identities = [environment_of(patient, name).id for patient, name in patients]
    assert len(set(identities)) == len(patients)
    first = environment_of(PATIENT, "box")
    digest = sha256(listing(first).encode()).hexdigest()
    assert first.id == f"doctor-box-py3.10-torch2.3.1-fairseq0.12.2-{digest[:6]}"
    assert (first.lock, first.lock_sha256) == (f"locks/{first.id}.txt", digest)
    assert environment_of(with_numpy("1.26.4"), "box") == first
    assert environment_of(PATIENT, "ma chine/\udce9").id.startswith("doctor-ma_chine_-py3.10-torch2.3.1-")


def test_what_a_reader_has_to_know_travels_with_the_row() -> None:
    assert environment_of(PATIENT, "box").reason == (
        "probed as it was found; its lock lists what is installed, without hashes"
    )
    git = Origin(url="git+https://host.org/fairseq@abc", checkout=True)
    there = {
        "fairseq": Distribution(name="fairseq", version="0.12.3", origin=git),
        "numpy": Distribution(name="numpy", version="1.0", origin=git),
    }
    odd = replace(
        PATIENT,
        installed={**PATIENT.installed, **there},
        unseen=("PYTHONPATH is set there",),
        elsewhere={"torch": "2.0.0", "s3prl": "0.4.15"},
    )
    environment = environment_of(odd, "box")
    assert environment.reason is not None
    assert environment.reason.split("; ")[2:] == [
        "no release from an index: fairseq 0.12.3 (git+https://host.org/fairseq@abc)",
        "PYTHONPATH is set there",
        "its interpreter uses torch 2.0.0, s3prl 0.4.15 from there, and the probe did not",
    ]
    assert environment.packages == {"torch": "2.3.1", "fairseq": "0.12.3+checkout"}
    assert "fairseq0.12.3-" in environment.id
    assert unreleased(environment) == ("fairseq",)


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
    settings = make_settings(spec, ROOT, work=tmp_path, model=MODEL, paths=("transformers",))
    given = Given(config=tmp_path / "train.yaml", model=MODEL)
    result = examine(PATIENT, settings, name="box", given=given, tell=pytest.fail)
    assert held == [True, True]
    assert not is_held(home)
    assert result.environment.packages == {"torch": "2.3.1", "fairseq": "0.12.2"}
    assert [subject.distributions for subject in subjects] == [("torch", "fairseq")]
