"""Which interpreter is looked at, and what is made of one that is missing, foreign or old."""

from __future__ import annotations

import sys
import sysconfig
import venv
from importlib.metadata import version
from pathlib import Path

import pytest

from asrcompat.doctor.declared import conflicts
from asrcompat.doctor.patient import Distribution, Patient, look
from asrcompat.errors import UsageError


def command(file: Path, text: str) -> Path:
    """Make an executable file of this shell script."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def patient(*installed: tuple[str, str, tuple[str, ...]], python: str = "3.10.13") -> Patient:
    """Make a patient of (name, version, requirements)."""
    found = {name: Distribution(name=name, version=number, requires=asks) for name, number, asks in installed}
    return Patient(python=Path("python"), version=python, installed=found)


def test_this_interpreter_tells_what_is_installed() -> None:
    found = look(Path(sys.executable))
    assert found.version == ".".join(map(str, sys.version_info[:3]))
    assert found.installed["pydantic"].version == version("pydantic")
    assert f"pydantic=={version('pydantic')}" in found.lines


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            'case "$1" in --version) echo "Python 2.7.18" >&2;; *) echo "Unknown option: -I" >&2; exit 2;; esac',
            "2.7.18",
        ),
        (
            'echo \'ANSWER {"python": "3.6.15", "implementation": "CPython", "installed": []}\'',
            "is Python 3.6.15: the probe needs Python 3.8 or newer",
        ),
        ('echo \'ANSWER {"python": "3.10.1", "implementation": "PyPy", "installed": []}\'', "is PyPy"),
        ("echo hello", "is not a Python interpreter"),
        ("exit 3", "is not a Python interpreter"),
        (
            'case "$1" in --version) echo "Python 3.11.4";; *) echo "out of luck"; exit 1;; esac',
            "(Python 3.11.4) does not answer: out of luck",
        ),
    ],
)
def test_what_is_of_no_use_is_told_for_what_it_is(script: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="python") as caught:
        look(command(tmp_path / "python", script))
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_missing_interpreter_and_a_file_that_is_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        look(tmp_path / "nothing")
    text = tmp_path / "notes.txt"
    text.write_text("hello", encoding="utf-8")
    with pytest.raises(UsageError, match=r"notes\.txt is not a Python interpreter"):
        look(text)


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_the_active_environment_is_the_default(variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = 'ANSWER {"python": "3.9.1", "implementation": "CPython", "installed": [["torch", "2.1", null]]}'
    python = command(tmp_path / "env" / "bin" / "python", f"echo '{answer.replace('null', '[]')}'")
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "env"))
    found = look(None)
    assert (found.python, found.version, found.packages) == (python, "3.9.1", {"torch": "2.1"})
    # an environment may be named by its folder, and links of virtual environments are not followed
    linked = tmp_path / "linked" / "bin"
    linked.mkdir(parents=True)
    (linked / "python").symlink_to(python)
    assert look(tmp_path / "linked").python == linked / "python"


def test_the_python_on_path_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = 'ANSWER {"python": "3.8.18", "implementation": "CPython", "installed": []}'
    python = command(tmp_path / "python", f"echo '{answer}'")
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert look(None).python == python


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


def test_packages_of_pip_install_user_are_seen_where_the_interpreter_would_use_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONNOUSERSITE", raising=False)
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path / "user"))
    open_, closed = tmp_path / "open", tmp_path / "closed"
    venv.create(open_, system_site_packages=True, symlinks=True)
    venv.create(closed, symlinks=True)
    folder = Path(sysconfig.get_path("purelib", "posix_user", {"userbase": str(tmp_path / "user")}))
    assert look(open_).user_site is None
    folder.mkdir(parents=True)
    assert look(open_).user_site is None
    (folder / "something.py").touch()
    assert look(open_).user_site == folder
    assert look(closed).user_site is None
    monkeypatch.setenv("PYTHONNOUSERSITE", "1")
    assert look(open_).user_site is None


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
