"""Which interpreter is looked at, what is made of one that is missing, foreign or old, and what it tells."""

from __future__ import annotations

import json
import sys
import sysconfig
import venv
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from asrcompat.doctor.look import look
from asrcompat.errors import UsageError


def command(file: Path, text: str) -> Path:
    """Make an executable file of this shell script."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(0o755)
    return file


def answer(installed: Mapping[str, str], *, user_site: bool = False) -> str:
    """What an interpreter says in which these versions are installed; and whether there is more of the user's."""
    common: dict[str, Any] = {
        "requires": [],
        "direct_url": None,
        "installer": "pip",
        "folder": "/env/lib/python3.9/site-packages",
    }
    found = [{"name": name, "version": number, **common} for name, number in installed.items()]
    facts = {"python": "3.9.1", "implementation": "CPython", "installed": found, "user_site": user_site}
    return "ANSWER " + json.dumps(facts)


def install(folder: Path, name: str, number: str, **beside: str) -> None:
    """Put the metadata of a distribution into a folder, with files beside them."""
    metadata = folder / f"{name}-{number}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n", encoding="utf-8")
    for file, text in beside.items():
        (metadata / file.replace("__", ".")).write_text(text, encoding="utf-8")


def site_packages(environment: Path) -> Path:
    return Path(sysconfig.get_path("purelib", "posix_prefix", {"base": str(environment)}))


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
    python = command(tmp_path / "env" / "bin" / "python", f"echo '{answer({'torch': '2.1'})}'")
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
    python = command(tmp_path / "python", f"echo '{answer({})}'")
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert look(None).python == python


@pytest.fixture
def user_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where ``pip install --user`` would put things; there is nothing yet."""
    for name in ("PYTHONNOUSERSITE", "PYTHONPATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path / "user"))
    return Path(sysconfig.get_path("purelib", "posix_user", {"userbase": str(tmp_path / "user")}))


USER_SITE = "what `pip install --user` put beside it is not looked at"


def test_packages_of_pip_install_user_are_seen_where_the_interpreter_would_use_them(
    user_site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_, closed = tmp_path / "open", tmp_path / "closed"
    venv.create(open_, system_site_packages=True, symlinks=True)
    venv.create(closed, symlinks=True)
    assert look(open_).unseen == ()
    user_site.mkdir(parents=True)
    assert look(open_).unseen == ()
    install(user_site, "numpy", "1.26.4")
    assert (look(open_).unseen, look(open_).elsewhere) == ((USER_SITE,), {})
    install(user_site, "torch", "2.3.1")
    assert (look(open_).elsewhere, look(open_).packages) == ({"torch": "2.3.1"}, {})
    assert (look(closed).unseen, look(closed).elsewhere) == ((), {})
    monkeypatch.setenv("PYTHONNOUSERSITE", "1")
    assert (look(open_).unseen, look(open_).elsewhere) == ((), {})


def test_what_stands_before_the_environments_own_packages_is_what_is_used(
    user_site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment's own come before the user's, and after PYTHONPATH's."""
    environment = tmp_path / "environment"
    venv.create(environment, system_site_packages=True, symlinks=True)
    install(site_packages(environment), "torch", "2.3.1")
    install(site_packages(environment), "s3prl", "0.4.15")
    install(user_site, "torch", "2.0.0")
    assert look(environment).elsewhere == {}
    install(tmp_path / "more", "torch", "1.13.1")
    install(tmp_path / "more", "s3prl", "0.4.15")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "more"))
    found = look(environment)
    assert found.elsewhere == {"torch": "1.13.1"}
    assert found.packages == {"torch": "2.3.1", "s3prl": "0.4.15"}
    assert "PYTHONPATH is set there" in found.unseen[1]


def test_checkouts_are_told_from_releases(user_site: Path, tmp_path: Path) -> None:
    environment, checkout = tmp_path / "environment", tmp_path / "src" / "s3prl"
    venv.create(environment, symlinks=True)
    packages = site_packages(environment)
    install(packages, "torch", "2.3.1", INSTALLER="pip\n")
    git = {"url": "https://github.com/espnet/espnet", "vcs_info": {"vcs": "git", "commit_id": "abc123"}}
    install(packages, "espnet", "202412", direct_url__json=json.dumps(git))
    metadata = checkout / "s3prl.egg-info"  # as `setup.py develop` leaves it
    metadata.mkdir(parents=True)
    (metadata / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: s3prl\nVersion: 0.4.15\n", encoding="utf-8")
    (packages / "easy-install.pth").write_text(f"{checkout}\n", encoding="utf-8")
    found = look(environment)
    assert found.lines == (
        "espnet @ git+https://github.com/espnet/espnet@abc123  # 202412",
        f"s3prl @ {checkout.as_uri()}  # 0.4.15, editable",
        "torch==2.3.1",
    )
    assert found.packages == {"torch": "2.3.1", "s3prl": "0.4.15+checkout", "espnet": "202412+checkout"}
