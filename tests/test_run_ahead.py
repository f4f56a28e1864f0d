"""What later stacks need is fetched ahead; trouble with that is nobody's failure, and leaving does not wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from miniature import MiniatureIndex, Trouble, serving
from waiting import comes

from asrcompat.plan.resolve import Resolver
from asrcompat.run import ahead
from asrcompat.run.ahead import Wanted, fetching, wait_for
from asrcompat.run.environment import Built, build
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.run.uv import Failure, FailureKind
from asrcompat.spec import Spec


@pytest.fixture
def index() -> Iterator[MiniatureIndex]:
    with serving(*(("torch", version, ()) for version in ("1.0", "2.0", "3.0"))) as served:
        yield served


@pytest.fixture
def wanted(
    tmp_path: Path, spec: Spec, index: MiniatureIndex, this_python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> list[Wanted]:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    settings = replace(spec.index, url=index.url)
    resolver = Resolver(interpreter=this_python, index=settings, torch_index=None, work=tmp_path, seconds=60)

    def one(version: str) -> Wanted:
        lock = resolver.lock([f"torch=={version}"])
        assert isinstance(lock, Lock)
        return Wanted(name=version, lock=lock, interpreter=this_python, arguments=("--default-index", index.url))

    found = [one(version) for version in ("2.0", "3.0")]
    index.asked.clear()
    return found


def files_asked(index: MiniatureIndex) -> list[str]:
    return [one for one in index.asked if one.startswith("/files/")]


def test_what_was_fetched_ahead_is_installed_without_the_index(
    tmp_path: Path, wanted: list[Wanted], index: MiniatureIndex
) -> None:
    told: list[str] = []
    with fetching(wanted, work=tmp_path, seconds=60, tell=told.append):
        assert comes(lambda: len(files_asked(index)) >= 2 and not list((tmp_path / "ahead").glob("*/")))
    assert [line.partition(";")[0] for line in told] == [
        f"{name}: {what}" for name in ("2.0", "3.0") for what in ("is fetched ahead", "was fetched ahead")
    ]
    index.asked.clear()
    for one in wanted:
        made = build(
            one.name, one.lock, interpreter=one.interpreter, arguments=one.arguments, work=tmp_path, seconds=60
        )
        assert isinstance(made, Built), made
    with fetching(wanted, work=tmp_path, seconds=60, tell=told.append):
        assert comes(lambda: len(told) == 8 and not list((tmp_path / "ahead").glob("*/")))
    assert index.asked == []


@pytest.mark.parametrize("trouble", ["500", "gone", "cut"])
def test_what_cannot_be_fetched_is_left_to_its_session(
    tmp_path: Path, wanted: list[Wanted], index: MiniatureIndex, trouble: Trouble
) -> None:
    index.files_trouble = trouble
    told: list[str] = []
    with fetching(wanted, work=tmp_path, seconds=60, tell=told.append):
        assert comes(lambda: len(told) == 2)
    assert "2.0: could not be fetched ahead: " in told[1]
    assert not list((tmp_path / "ahead").glob("*/"))
    assert not any("torch-3.0" in one for one in files_asked(index)), "it would fare no better"


def test_leaving_does_not_wait_for_what_hangs(tmp_path: Path, wanted: list[Wanted], index: MiniatureIndex) -> None:
    index.files_trouble = "hangs"
    with fetching(wanted, work=tmp_path, seconds=600, tell=lambda _: None):
        assert comes(lambda: bool(files_asked(index)))
        started = time.monotonic()
    assert time.monotonic() - started < 30
    assert not list((tmp_path / "ahead").glob("*/"))
    assert len(set(files_asked(index))) == 1, "the second is not begun any more"


def test_the_context_ends_as_what_is_in_it_does(tmp_path: Path, wanted: list[Wanted], index: MiniatureIndex) -> None:
    index.files_trouble = "hangs"

    def interrupted() -> None:
        with fetching(wanted, work=tmp_path, seconds=600, tell=lambda _: None):
            assert comes(lambda: bool(files_asked(index)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list((tmp_path / "ahead").glob("*/"))


def test_what_another_run_is_fetching_is_left_to_it(
    tmp_path: Path, wanted: list[Wanted], index: MiniatureIndex
) -> None:
    index.files_trouble = "hangs"
    told: list[str] = []
    with fetching(wanted[:1], work=tmp_path, seconds=600, tell=lambda _: None):
        assert comes(lambda: bool(files_asked(index)))
        with fetching(wanted[:1], work=tmp_path, seconds=600, tell=told.append):
            time.sleep(0.5)
        assert told == []
        assert list((tmp_path / "ahead").glob("*/env")), "the first goes on"
    assert len(files_asked(index)) == 1


def test_a_session_waits_where_its_stack_is_being_fetched(
    tmp_path: Path, wanted: list[Wanted], index: MiniatureIndex
) -> None:
    index.files_trouble = "hangs"
    said: list[str] = []
    (first, other) = wanted
    with fetching([first], work=tmp_path, seconds=600, tell=lambda _: None):
        assert comes(lambda: bool(files_asked(index)))
        wait_for(other.lock, other.interpreter, work=tmp_path, tell=said.append)
        assert said == [], "another stack"
        index.files_trouble = "none"
        threading.Timer(1, index.let_go.set).start()
        wait_for(first.lock, first.interpreter, work=tmp_path, tell=said.append)
        assert said == ["waits for its torch stack, which is being fetched"]


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / "ahead" / "py3.11-torch9" / "env"
    left.mkdir(parents=True)
    with fetching([], work=tmp_path, seconds=60, tell=lambda _: None):
        assert not left.parent.exists()


def test_nothing_is_fetched_where_nothing_is_wanted(tmp_path: Path) -> None:
    with fetching([], work=tmp_path, seconds=60, tell=lambda _: None):
        pass
    assert not (tmp_path / "ahead").exists()


@pytest.mark.parametrize(("kind", "tried"), [("build", ["2.0", "3.0"]), ("error", ["2.0"])])
def test_what_does_not_build_says_nothing_of_the_next_stack(
    tmp_path: Path, wanted: list[Wanted], monkeypatch: pytest.MonkeyPatch, kind: FailureKind, tried: list[str]
) -> None:
    monkeypatch.setattr(ahead, "install", lambda *_, **__: Failure(kind=kind, message="as planted\nmore"))
    told: list[str] = []
    with fetching(wanted, work=tmp_path, seconds=60, tell=told.append):
        assert comes(lambda: len(told) == 2 * len(tried))
    assert [line.partition(":")[0] for line in told[::2]] == tried
    assert told[1] == "2.0: could not be fetched ahead: as planted"
