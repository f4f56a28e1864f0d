"""Fixtures that several modules share; the real environment is built once per test run, by the code under test."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import settings
from miniature import MiniatureIndex
from tiny_lab import Surroundings, make_bench

from asrcompat.model import Environment
from asrcompat.plan.prepare import Sources, prepare
from asrcompat.run.environment import Built, build
from asrcompat.run.hold import alone
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.run.session import Locked
from asrcompat.spec import Request, Spec, load_spec

ROOT = Path(__file__).parent.parent

# how long an example takes is the machine's own affair, and what else it does just then
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_configure() -> None:
    """What is set here for other runs is not for those of the tests, and their index is behind no proxy."""
    for name in ("FORCE_COLOR", "NO_COLOR", "GITHUB_STEP_SUMMARY"):
        os.environ.pop(name, None)
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1", "localhost"]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests on real packages first: the quick ones fill what is left of a worker's time."""
    items.sort(key=lambda item: item.get_closest_marker("real") is None)


@pytest.fixture(autouse=True)
def _quick_failures(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """uv waits between tries of a request; the miniature index fails at once, and every time. The real one does not."""
    if request.node.get_closest_marker("real") is None:
        monkeypatch.setenv("UV_HTTP_RETRIES", "1")


@dataclass
class FreeDisk:
    """What a test's disk has free."""

    gb: float = 100.0


@pytest.fixture(autouse=True)
def free_disk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> FreeDisk:
    """What the harness takes for free: no unit test depends on how full the machine's own disk is."""
    free = FreeDisk()
    if request.node.get_closest_marker("real") is None:
        monkeypatch.setattr("psutil.disk_usage", lambda _: SimpleNamespace(free=int(free.gb * 1e9)))
    return free


@pytest.fixture(scope="session")
def spec() -> Spec:
    """The project's own matrix.toml."""
    return load_spec(ROOT / "matrix.toml")


@pytest.fixture(scope="session")
def this_python() -> Interpreter:
    """The interpreter that runs the tests."""
    return Interpreter(executable=Path(sys.executable), version=".".join(map(str, sys.version_info[:3])))


@pytest.fixture(scope="session")
def work() -> Path:
    """The checkout's work folder: environments and fixtures that are there already are used again."""
    return ROOT / ".asrcompat"


@pytest.fixture
def bench(
    tmp_path: Path, spec: Spec, index: MiniatureIndex, this_python: Interpreter, monkeypatch: pytest.MonkeyPatch
) -> Surroundings:
    """A laboratory over the `index` of the module that asks for it."""
    return make_bench(tmp_path, spec, index, this_python, monkeypatch)


@dataclass(frozen=True, kw_only=True)
class RealEnvironment:
    """An environment of matrix.toml as built here."""

    request: Request
    environment: Environment
    lock: Lock
    interpreter: Interpreter
    built: Built


def real_environment(spec: Spec, work: Path, identity: str) -> RealEnvironment:
    """Build, or find again, an environment of matrix.toml."""
    (request,) = [one for one in spec.all_environments() if one.id == identity]
    sources = Sources(index=spec.index, torch_index=None, work=work, seconds=spec.limits.resolve_seconds, fresh=False)
    environment, source = prepare(request, sources)
    assert isinstance(source, Locked), source
    lock, interpreter = source.lock, source.interpreter
    with alone(work / "envs" / environment.id, lambda _: None):
        built = build(
            environment.id,
            lock,
            interpreter=interpreter,
            arguments=sources.install_arguments(),
            work=work,
            seconds=spec.limits.install_seconds,
        )
    assert isinstance(built, Built), built
    return RealEnvironment(request=request, environment=environment, lock=lock, interpreter=interpreter, built=built)


@contextmanager
def copy_of(real: RealEnvironment, name: str, work: Path) -> Iterator[Path]:
    """The Python of another environment of the same lock, which may be changed."""
    home = work / "envs" / name
    with alone(home, print):
        copied = build(name, real.lock, interpreter=real.interpreter, arguments=(), work=work, seconds=600)
        assert isinstance(copied, Built), copied
        try:
            yield copied.python
        finally:
            shutil.rmtree(home, ignore_errors=True)  # another test may be looking what it could share


@pytest.fixture(scope="session")
def before_0415(spec: Spec, work: Path) -> RealEnvironment:
    """The last S3PRL that needs a preprocessor in the checkpoint's repository."""
    return real_environment(spec, work, "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2")


@pytest.fixture(scope="session")
def with_0415(spec: Spec, work: Path) -> RealEnvironment:
    """The first S3PRL that does without."""
    return real_environment(spec, work, "py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2")


@pytest.fixture(scope="session")
def torch_env(with_0415: RealEnvironment) -> Path:
    """A Python that has the oldest torch and Transformers of the matrix."""
    return with_0415.built.python
