"""What an environment is called by, and whether what is in it agrees with its metadata."""

from __future__ import annotations

from pathlib import Path

from asrcompat.doctor.declared import conflicts
from asrcompat.doctor.patient import Distribution, Patient


def patient(*installed: tuple[str, str, tuple[str, ...]], python: str = "3.10.13") -> Patient:
    """Make a patient of (name, version, requirements)."""
    found = {name: Distribution(name=name, version=number, requires=asks) for name, number, asks in installed}
    return Patient(python=Path("python"), version=python, installed=found)


def test_an_id_tells_host_and_versions_as_the_matrix_does() -> None:
    found = patient(
        ("torch", "2.3.1", ()), ("torchaudio", "2.3.1", ()), ("espnet", "202402", ()), ("s3prl", "0.4.15", ())
    )
    assert found.identity("box") == "doctor-box-py3.10-torch2.3.1-s3prl0.4.15-espnet202402"
    unpaired = patient(("torch", "2.3.1", ()), ("torchaudio", "2.9.1", ()))
    assert unpaired.identity("box") == "doctor-box-py3.10-torch2.3.1-torchaudio2.9.1"
    assert patient().identity("box") == "doctor-box-py3.10"
    guest = patient(("torch", "2.3.1", ()), ("fairseq", "0.12.2", ()))
    assert guest.identity("box") == "doctor-box-py3.10-torch2.3.1-fairseq0.12.2"


def test_fairseq_is_told_of_beside_the_axes() -> None:
    found = patient(("torch", "2.3.1", ()), ("numpy", "1.26.4", ()), ("fairseq", "0.12.2", ()))
    assert found.packages == {"torch": "2.3.1", "fairseq": "0.12.2"}


def test_metadata_that_disagrees_is_told_and_markers_are_heeded() -> None:
    found = patient(
        ("espnet", "202402", ("setuptools<74", "six", 'old; python_version < "3.9"', 'extra-one; extra == "all"')),
        ("setuptools", "82.0", ()),
        ("torch", "2.3.1", ("setuptools>=77", "non sense")),
    )
    assert list(conflicts(found)) == [
        "espnet 202402 asks for setuptools<74, and setuptools 82.0 is installed",
        "espnet 202402 asks for six, which is not installed",
    ]
