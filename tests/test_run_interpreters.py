"""Interpreters: which of those that are here is taken, and that one looks for each version once."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from asrcompat.run import interpreters, uv
from asrcompat.run.interpreters import Interpreter, NoInterpreter, find
from asrcompat.run.process import Finished

ASKED = """#!/bin/sh
echo '["CPython", "{version}", "{place}", []]'
"""


def python(file: Path, version: str) -> Path:
    """A program that says that it is a Python of this version."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(ASKED.format(version=version, place=file))
    file.chmod(0o755)
    return file


@pytest.fixture(autouse=True)
def nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """A machine without any Python, whose uv has none and fetches none; what uv was asked."""
    asked: list[list[str]] = []

    def command(arguments: list[str], **_: object) -> Finished:
        asked.append(arguments)
        managed = tmp_path / "managed"
        there = arguments[1] == "find" and managed.exists()
        output = f"warning: something\n{managed}\n" if there else "error: none\n"
        return Finished(code=0 if there else 2, output=output, timed_out=False, seconds=0.0)

    monkeypatch.setattr(uv, "command", command)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr("shutil.which", lambda name: str(one) if (one := tmp_path / "bin" / name).exists() else None)
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    interpreters._find.cache_clear()
    yield asked
    interpreters._find.cache_clear()


def test_they_are_taken_in_their_order(tmp_path: Path) -> None:
    places = [
        python(tmp_path / "bin" / "python3.10", "3.10.1"),
        python(tmp_path / "managed", "3.10.2"),
        python(tmp_path / "pyenv" / "versions" / "3.10.14" / "bin" / "python", "3.10.14"),
        python(tmp_path / "pyenv" / "versions" / "3.10.9" / "bin" / "python", "3.10.9"),
        python(tmp_path / "bin" / "python3", "3.10.5"),
        python(tmp_path / "bin" / "python", "3.10.6"),
    ]
    taken = []
    for place in places:
        interpreters._find.cache_clear()
        one = find("3.10")
        assert isinstance(one, Interpreter)
        taken.append(one.executable)
        place.unlink()
    assert taken == places


def test_what_does_not_run_or_is_of_another_version_is_passed_over(tmp_path: Path) -> None:
    python(tmp_path / "bin" / "python3.10", "3.10.1").write_text("#!/bin/sh\nexit 127\n")  # as a shim of pyenv's does
    python(tmp_path / "managed", "3.11.2")
    python(tmp_path / "bin" / "python", "3.10.6")
    one = find("3.10")
    assert isinstance(one, Interpreter)
    assert one.version == "3.10.6"


def test_where_there_is_none_and_none_can_be_fetched_it_says_why() -> None:
    one = find("3.10")
    assert isinstance(one, NoInterpreter)
    assert "uv could not download one: error: none" in one.message


def test_a_version_is_looked_for_once_by_all_that_want_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nothing_here: list[list[str]]
) -> None:
    ask = interpreters.ask

    def slowly(executable: Path) -> Interpreter | None:
        time.sleep(0.1)
        return ask(executable)

    monkeypatch.setattr(interpreters, "ask", slowly)
    python(tmp_path / "managed", "3.10.2")
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(find, ["3.10"] * 4))) == 1
    assert len(nothing_here) == 1


def test_one_version_does_not_wait_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = interpreters.ask
    both = Barrier(2)

    def together(executable: Path) -> Interpreter | None:
        both.wait(30)
        return ask(executable)

    monkeypatch.setattr(interpreters, "ask", together)
    for version in ("3.10", "3.11"):
        python(tmp_path / "bin" / f"python{version}", f"{version}.1")
    with ThreadPoolExecutor(2) as pool:
        assert [one.version for one in pool.map(find, ["3.10", "3.11"]) if isinstance(one, Interpreter)] == [
            "3.10.1",
            "3.11.1",
        ]


def test_a_real_interpreter_says_what_it_is() -> None:
    one = interpreters.ask(Path(sys.executable))
    assert one is not None
    assert one.version == ".".join(map(str, sys.version_info[:3]))
