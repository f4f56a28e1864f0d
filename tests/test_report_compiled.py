"""Templates that were compiled before: used while they are whole and of this code, and otherwise made anew."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment

from asrcompat.report import compiled
from asrcompat.report.compiled import Compiled


class Counting(Environment):
    """Jinja's environment, which counts what it compiles."""

    count = 0

    def compile(self, *given: object, **named: object) -> object:  # type: ignore[override]
        self.count += 1
        return super().compile(*given, **named)  # type: ignore[call-overload]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(compiled, "FOLDER", tmp_path / "compiled")
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path / "compiled"


def rendered(name: str = "html", source: str = "{{ 'a<b' }} {{ x }}", finalize: Callable[[str], str] = str) -> object:
    """What comes out, and how many templates were compiled for it."""
    jinja = Counting(loader=DictLoader({"page": source}), bytecode_cache=Compiled(name), finalize=finalize)
    return jinja.get_template("page").render(x=1), jinja.count


def test_what_was_compiled_is_used_again(folder: Path) -> None:
    assert [rendered(), rendered()] == [("a<b 1", 1), ("a<b 1", 0)]


def test_another_source_and_another_environment_have_their_own(folder: Path) -> None:
    """Constants are escaped as they are compiled: Markdown's are no HTML's."""
    assert rendered() == ("a<b 1", 1)
    assert rendered("markdown", finalize=lambda value: str(value).upper()) == ("A<B 1", 1)
    assert rendered(source="{{ x }}") == ("1", 1)


def test_what_other_code_compiled_is_made_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered()
    monkeypatch.setattr(compiled, "_made_by", lambda: "code that escapes otherwise")
    assert rendered(finalize=lambda value: str(value).upper()) == ("A<B 1", 1)


@pytest.mark.parametrize("keep", [0, 10, 32, 60, -1])
def test_a_torn_file_does_no_harm(folder: Path, keep: int) -> None:
    rendered()
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:keep])
    assert [rendered(), rendered()] == [("a<b 1", 1), ("a<b 1", 0)]


def test_where_none_can_be_kept_it_is_compiled_each_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(tempfile, "NamedTemporaryFile", full)
    assert [rendered(), rendered()] == [("a<b 1", 1)] * 2


def test_none_is_kept_where_python_keeps_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert [rendered(), rendered()] == [("a<b 1", 1)] * 2
    assert not folder.exists()
