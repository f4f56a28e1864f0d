"""Environments are built once, checked against RECORD, and an index in trouble is an error and never a verdict."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from miniature import MiniatureIndex, Trouble, serving, wheel
from tiny_lab import sdist

from asrcompat.plan.prepare import Sources, prepare
from asrcompat.plan.resolve import Resolution, Resolver, resolve
from asrcompat.run import uv
from asrcompat.run.environment import Built, build, is_complete
from asrcompat.run.install import damage
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock, versions_of
from asrcompat.run.session import Locked
from asrcompat.spec import Index, Pin, Request, Spec

REQUEST = Request(python="3.11", torch="1.0", torchaudio="1.0", transformers="newest", s3prl="0.1", espnet="1")


@pytest.fixture
def index() -> Iterator[MiniatureIndex]:
    with serving(
        ("torch", "1.0", ("helper",)),
        ("torchaudio", "1.0", ()),
        ("transformers", "1.0", ()),
        ("transformers", "2.0", ()),
        ("s3prl", "0.1", ("torch", "setuptools-of-old<2")),
        ("espnet", "1", ()),
        ("helper", "1.0", ()),
        ("helper", "2.0", ()),
        ("setuptools-of-old", "1.0", ()),
        ("setuptools-of-old", "2.0", ()),
        ("of-its-own", "1.0", ("setuptools-of-old>=2",)),
    ) as served:
        yield served


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv's cache would serve what an earlier miniature index had at the same address."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))


@pytest.fixture
def settings(spec: Spec, index: MiniatureIndex) -> Index:
    return replace(spec.index, url=index.url)


def resolved(tmp_path: Path, settings: Index, python: Interpreter, request: Request = REQUEST) -> Resolution:
    request = replace(request, python=python.version)
    resolver = Resolver(interpreter=python, index=settings, torch_index=None, work=tmp_path, seconds=60)
    return resolve(request, resolver)


def installed(tmp_path: Path, settings: Index, python: Interpreter, lock: Lock) -> Built | uv.Failure:
    arguments = ("--default-index", settings.url or "")
    return build("some-environment", lock, interpreter=python, arguments=arguments, work=tmp_path, seconds=60)


def test_a_request_becomes_a_complete_hashed_lock(tmp_path: Path, settings: Index, this_python: Interpreter) -> None:
    resolution = resolved(tmp_path, settings, this_python)
    assert resolution.failure is None
    assert resolution.declared == "ok"
    assert resolution.lock is not None
    assert resolution.lock.versions == {
        "espnet": "1",
        "helper": "2.0",
        "s3prl": "0.1",
        "setuptools-of-old": "1.0",
        "torch": "1.0",
        "torchaudio": "1.0",
        "transformers": "2.0",
    }
    text = resolution.lock.requirements()
    assert versions_of(text) == resolution.lock.versions
    assert text.count("--hash=sha256:") == 7
    assert "torch==1.0 \\\n    --hash=sha256:" in text
    assert str(tmp_path) not in resolution.lock.text


def test_declared_is_told_of_the_request_without_our_pins(
    tmp_path: Path, settings: Index, this_python: Interpreter
) -> None:
    conflict = Pin(requirements=("setuptools-of-old>=2",), reason="a pin that cannot be")
    resolution = resolved(tmp_path, settings, this_python, replace(REQUEST, pins=(conflict,)))
    assert resolution.declared == "ok"
    assert resolution.lock is None
    assert resolution.failure is not None
    assert resolution.failure.kind == "conflict"
    assert "setuptools-of-old" in resolution.failure.message


def test_a_version_that_does_not_exist_is_a_conflict(tmp_path: Path, settings: Index, this_python: Interpreter) -> None:
    resolution = resolved(tmp_path, settings, this_python, replace(REQUEST, espnet="999"))
    assert resolution.failure is not None
    assert (resolution.failure.kind, resolution.declared) == ("conflict", "conflict")


def test_a_young_lock_is_used_again_without_the_index(
    tmp_path: Path, settings: Index, this_python: Interpreter, index: MiniatureIndex
) -> None:
    first = resolved(tmp_path, settings, this_python)
    index.asked.clear()
    assert resolved(tmp_path, settings, this_python).lock == first.lock
    assert index.asked == []
    resolved(tmp_path, replace(settings, lock_hours=0), this_python)
    assert index.asked != []


@pytest.mark.parametrize("trouble", ["500", "gone", "cut"])
def test_an_index_in_trouble_while_resolving_is_an_error(
    tmp_path: Path, settings: Index, this_python: Interpreter, index: MiniatureIndex, trouble: Trouble
) -> None:
    index.pages_trouble = trouble
    resolution = resolved(tmp_path, settings, this_python)
    assert resolution.failure is not None
    assert resolution.failure.kind == "error", resolution.failure.message
    assert resolution.declared == "unknown"


def test_an_extra_is_part_of_what_is_declared(tmp_path: Path, settings: Index, this_python: Interpreter) -> None:
    resolution = resolved(tmp_path, settings, this_python, replace(REQUEST, extras=("of-its-own==1.0",)))
    assert resolution.declared == "conflict"
    assert resolution.failure is not None
    assert resolution.failure.kind == "conflict"
    assert "of-its-own" in resolution.failure.message


@pytest.mark.parametrize("with_torch_index", [False, True])
def test_overrides_help_to_a_lock_and_not_to_declared(
    tmp_path: Path, settings: Index, this_python: Interpreter, with_torch_index: bool
) -> None:
    override = Pin(requirements=("setuptools-of-old>=2",), reason="it works all the same")
    request = replace(REQUEST, extras=("of-its-own==1.0",), overrides=(override,), python=this_python.version)
    torch_index = settings.url if with_torch_index else None
    resolver = Resolver(interpreter=this_python, index=settings, torch_index=torch_index, work=tmp_path, seconds=60)
    resolution = resolve(request, resolver)
    assert resolution.failure is None
    assert resolution.lock is not None
    assert resolution.lock.versions["of-its-own"] == "1.0"
    assert resolution.lock.versions["setuptools-of-old"] == "2.0"
    assert resolution.declared == "conflict"
    assert "setuptools-of-old" in (resolution.declared_reason or "")


def test_what_was_asked_for_besides_the_axes_is_among_the_packages(
    tmp_path: Path, settings: Index, this_python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asrcompat.plan.prepare.find", lambda _: this_python)
    override = Pin(requirements=("setuptools-of-old>=2",), reason="it works all the same")
    request = replace(REQUEST, extras=("of-its-own==1.0",), overrides=(override,))
    sources = Sources(index=settings, torch_index=None, work=tmp_path, seconds=60, fresh=False)
    environment, source = prepare(request, sources)
    assert isinstance(source, Locked)
    assert environment.id.endswith("-of-its-own1.0")
    assert environment.packages == {
        "torch": "1.0",
        "torchaudio": "1.0",
        "transformers": "2.0",
        "s3prl": "0.1",
        "espnet": "1",
        "of-its-own": "1.0",
    }
    assert environment.declared == "conflict"
    assert environment.pins == ("setuptools-of-old>=2, in place of what packages ask for",)
    assert environment.reason == "it works all the same"


@pytest.mark.parametrize("trouble", ["500", "gone", "cut"])
def test_an_index_that_dies_between_resolving_and_installing_is_an_error(
    tmp_path: Path,
    settings: Index,
    this_python: Interpreter,
    index: MiniatureIndex,
    trouble: Trouble,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lock = resolved(tmp_path, settings, this_python).lock
    assert lock is not None
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "another-cache"))
    index.files_trouble = trouble
    failure = installed(tmp_path, settings, this_python, lock)
    assert isinstance(failure, uv.Failure)
    assert failure.kind == "error", failure.message
    assert not list((tmp_path / "envs" / "some-environment").glob("*/bin"))


def test_the_second_time_nothing_is_installed(tmp_path: Path, settings: Index, this_python: Interpreter) -> None:
    lock = resolved(tmp_path, settings, this_python).lock
    assert lock is not None
    first = installed(tmp_path, settings, this_python, lock)
    second = installed(tmp_path, settings, this_python, lock)
    assert isinstance(first, Built)
    assert isinstance(second, Built)
    assert (first.reused, second.reused) == (False, True)
    assert first.python == second.python


@pytest.mark.parametrize("kept", [True, False])
def test_a_lock_that_was_installed_before_needs_the_index_only_where_the_cache_was_emptied(
    tmp_path: Path,
    settings: Index,
    this_python: Interpreter,
    index: MiniatureIndex,
    kept: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index.files_last = True
    lock = resolved(tmp_path, settings, this_python).lock
    assert lock is not None
    assert isinstance(installed(tmp_path, settings, this_python, lock), Built)
    shutil.rmtree(tmp_path / "envs")
    if not kept:
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "another-cache"))
    index.asked.clear()
    built = installed(tmp_path, settings, this_python, lock)
    assert isinstance(built, Built), built
    assert not built.reused
    assert (index.asked == []) is kept, index.asked


@pytest.mark.parametrize("harm", ["missing", "shortened", "mark", "foreign mark"])
def test_a_damaged_environment_is_built_again(
    tmp_path: Path, settings: Index, this_python: Interpreter, harm: str
) -> None:
    lock = resolved(tmp_path, settings, this_python).lock
    assert lock is not None
    built = installed(tmp_path, settings, this_python, lock)
    assert isinstance(built, Built)
    folder = built.python.parent.parent
    (module,) = folder.glob("lib/python3*/site-packages/helper.py")
    mark = folder / "asrcompat-complete.json"
    content = module.read_text()
    match harm:
        case "missing":
            module.unlink()
        case "shortened":
            module.unlink()  # a hard link shares its bytes with uv's cache: write another file in its place
            module.write_text(content[:-3])
        case "mark":
            mark.unlink()
        case _:
            mark.write_text('{"lock": "another"}')
    assert not is_complete(folder, lock, this_python)
    again = installed(tmp_path, settings, this_python, lock)
    assert isinstance(again, Built)
    assert not again.reused
    assert list(damage(folder)) == []
    assert module.read_text() == content


def test_a_source_distribution_is_built_once_for_all_environments(
    tmp_path: Path, settings: Index, this_python: Interpreter, index: MiniatureIndex
) -> None:
    built = wheel("of-source", "1.0")
    backend = (
        f"def build_wheel(folder, *_):\n    open({str(tmp_path / 'builds')!r}, 'a').write('built\\n')\n"
        f"    open(folder + '/of_source-1.0-py3-none-any.whl', 'wb').write({built!r})\n"
        "    return 'of_source-1.0-py3-none-any.whl'\n"
    )
    index.files_last = True
    index.files["of_source-1.0.tar.gz"] = sdist("of_source", backend)
    resolver = Resolver(interpreter=this_python, index=settings, torch_index=None, work=tmp_path, seconds=60)
    arguments = ("--default-index", settings.url or "")
    for number in ("1.0", "2.0"):
        lock = resolver.lock(["of-source==1.0", f"helper=={number}"])
        assert isinstance(lock, Lock), lock
        made = build(number, lock, interpreter=this_python, arguments=arguments, work=tmp_path, seconds=60)
        assert isinstance(made, Built), made
    assert (tmp_path / "builds").read_text() == "built\n"
