"""What a probe does to the files of its environment is seen, named, and costs the paths after it their verdict."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from miniature import MiniatureIndex, serving
from session_settings import make_settings

from asrcompat.model import Cell, CheckOutcome, Device, Outcome, Stage
from asrcompat.plan.prepare import Sources, prepare
from asrcompat.run import cells
from asrcompat.run.environment import Built, build, is_complete
from asrcompat.run.inputs import Inputs
from asrcompat.run.intact import Intact
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.records import Raw
from asrcompat.run.session import Locked, run_session
from asrcompat.spec import Request, Spec

REQUEST = Request(python="3.11", torch="1.0", torchaudio="1.0", transformers="1.0", s3prl="0.1", espnet="1")


class Place:
    """An environment of tiny packages, and what is needed to run a session in it."""

    def __init__(self, folder: Path, spec: Spec, index: MiniatureIndex, python: Interpreter) -> None:
        request = replace(REQUEST, python=python.version)
        self.sources = Sources(
            index=replace(spec.index, url=index.url), torch_index=None, work=folder, seconds=60, fresh=False
        )
        self.environment, source = prepare(request, self.sources)
        assert isinstance(source, Locked)
        self.source = source
        self.settings = make_settings(
            spec,
            folder,
            paths=("transformers", "s3prl-hf", "espnet-s3prl"),
            install_arguments=self.sources.install_arguments(),
        )
        self.home = folder / "envs" / self.environment.id / source.lock.sha256[:16]

    def built(self) -> Built:
        made = build(
            self.environment.id,
            self.source.lock,
            interpreter=self.source.interpreter,
            arguments=self.settings.install_arguments,
            work=self.settings.work,
            seconds=60,
        )
        assert isinstance(made, Built)
        return made

    def module(self, name: str) -> Path:
        (found,) = self.home.glob(f"lib/python3*/site-packages/{name}.py")
        return found


@pytest.fixture
def place(tmp_path: Path, spec: Spec, this_python: Interpreter, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    monkeypatch.setattr("asrcompat.plan.prepare.find", lambda _: this_python)
    wheels = [(name, "1.0", ()) for name in ("torch", "torchaudio", "transformers")]
    with serving(*wheels, ("s3prl", "0.1", ()), ("espnet", "1", ())) as index:
        yield Place(tmp_path, spec, index, this_python)


def overwrite(file: Path) -> None:
    """In place, and of the same size: what it says is another, also where else it is linked."""
    with file.open("r+b") as handle:
        first = handle.read(1)
        handle.seek(0)
        handle.write(bytes([first[0] ^ 1]))


def replaced(file: Path) -> None:
    other = file.with_suffix(".new")
    other.write_bytes(file.read_bytes())
    times = file.stat()
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(file)


@pytest.mark.parametrize("alter", [overwrite, replaced, Path.unlink, lambda file: file.write_bytes(b"")])
def test_whatever_is_done_to_a_file_is_seen_once(place: Place, alter: Callable[[Path], None]) -> None:
    place.built()
    intact = Intact(place.home)
    assert intact.altered() == ()
    alter(place.module("s3prl"))
    (name,) = intact.altered()
    assert name.startswith("s3prl.py")
    assert intact.found.distributions == {"s3prl"}
    assert intact.altered() == ()


def test_bytecode_and_other_new_files_are_no_alteration(place: Place) -> None:
    place.built()
    intact = Intact(place.home)
    (place.module("s3prl").parent / "__pycache__").mkdir()
    (place.module("s3prl").parent / "__pycache__" / "s3prl.pyc").write_bytes(b"x")
    assert intact.altered() == ()


class Alters:
    """In place of the probe: paths run one after the other and are found out together; one alters the packages."""

    def __init__(self, place: Place, path: str, alter: Callable[[Path], None]) -> None:
        self.place, self.path, self.alter = place, path, alter

    def __call__(
        self, _: Any, files: Mapping[str, Path], device: Device, *, on_found: Callable[[Raw], None], **__: Any
    ) -> None:
        raws = [self.run(path, device) for path in files]
        for raw in raws:
            on_found(raw)

    def run(self, path: str, device: Device) -> Raw:
        started = datetime.now(UTC)
        time.sleep(0.02)
        if path == self.path:
            self.alter(self.place.module("s3prl"))
        time.sleep(0.02)
        events: list[dict[str, Any]] = [
            {"event": "started", "pid": 1, "started": started.isoformat(), "versions": {}, "mode": "forked"},
            {"event": "climbed"},
            {"event": "finished"},
        ]
        check = {"event": "check", "required": True, "outcome": "passed", "message": "", "data": {}, "seconds": 0.1}
        for stage in Stage:
            if Stage.IMPORT.rung <= stage.rung <= Stage.TRAIN.rung:
                events.insert(-2, {**check, "id": stage.value, "stage": stage.value})
        took = (datetime.now(UTC) - started).total_seconds()  # on a busy machine more than was slept
        events.insert(-2, {"event": "stage", "stage": "train", "seconds": took})
        return Raw(path=path, device=device, events=tuple(events), log=b"")


def run_with(place: Place, monkeypatch: pytest.MonkeyPatch, alters: Alters) -> tuple[dict[str, Cell], list[str]]:
    folder = place.settings.work
    inputs = Inputs(hub_root=folder, symbols=(), probe={}, expected={}, states={}, fairseq=folder)
    monkeypatch.setattr("asrcompat.hub.server.Hub", lambda _: nullcontext(Mock(requests=[])))
    monkeypatch.setattr(cells, "_answers", lambda _: True)
    monkeypatch.setattr(cells, "_SLACK_SECONDS", -0.1)  # an import takes a tenth of a second here, and is none
    monkeypatch.setattr("asrcompat.run.session.prepare_inputs", lambda **_: inputs)
    monkeypatch.setattr(cells, "probe", alters)
    told: list[str] = []
    result = run_session(place.environment, place.source, place.settings, tell=told.append)
    return {cell.path: cell for cell in result.cells}, told


def test_a_culprit_is_named_and_what_ran_after_it_says_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    found, told = run_with(place, monkeypatch, Alters(place, "s3prl-hf", overwrite))
    assert [found[path].outcome for path in place.settings.paths] == [Outcome.WORKS, Outcome.WORKS, Outcome.ERROR]
    (word,) = [check for check in found["s3prl-hf"].checks if check.id == "leaves-files"]
    assert (word.required, word.outcome) == (False, CheckOutcome.FAILED)
    assert word.message == "while it ran, 1 of the packages' files were altered: s3prl.py"
    assert not [check for check in found["transformers"].checks if check.id == "leaves-files"]
    assert "it ran on what another path, or the import, had changed" in found["espnet-s3prl"].message
    assert any("given up" in line for line in told)
    assert not place.home.exists()
    place.built()
    assert is_complete(place.home, place.source.lock, place.source.interpreter)
    fresh = place.module("s3prl").read_text(encoding="utf-8")
    assert fresh == "__version__ = '0.1'\n", "the cache does not give what was altered again"


class KilledError(Exception):
    """Ends a session where it is, as SIGKILL does: nobody looks any more."""


def killed(_: Path) -> None:
    raise KilledError


def test_what_a_killed_run_had_altered_is_given_up_by_the_next(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def overwrite_and_die(file: Path) -> None:
        overwrite(file)
        raise KilledError

    with pytest.raises(KilledError):
        run_with(place, monkeypatch, Alters(place, "s3prl-hf", overwrite_and_die))
    assert is_complete(place.home, place.source.lock, place.source.interpreter), "by its size it is as it was"
    found, told = run_with(place, monkeypatch, Alters(place, "none", overwrite))
    assert "given up: a run that was killed had altered files of s3prl" in told
    assert {cell.outcome for cell in found.values()} == {Outcome.WORKS}
    assert place.module("s3prl").read_text(encoding="utf-8") == "__version__ = '0.1'\n"
    _, told = run_with(place, monkeypatch, Alters(place, "none", overwrite))
    assert "install: already there" in told


def test_what_a_killed_run_left_alone_is_used_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KilledError):
        run_with(place, monkeypatch, Alters(place, "s3prl-hf", killed))
    os.utime(place.module("s3prl"))  # written anew, and with what was in it
    _, told = run_with(place, monkeypatch, Alters(place, "none", overwrite))
    assert "install: already there" in told


def test_an_environment_that_shares_what_was_altered_is_built_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.built()
    other = place.home.parents[1] / "another" / place.home.name
    shutil.copytree(place.home, other, copy_function=os.link, symlinks=True)
    (other / "asrcompat-complete.json").unlink()
    shutil.copy(place.home / "asrcompat-complete.json", other)
    alone = place.home.parents[1] / "on its own" / place.home.name
    shutil.copytree(place.home, alone, symlinks=True)
    _, told = run_with(place, monkeypatch, Alters(place, "s3prl-hf", overwrite))
    assert "another shares what was altered, and will be built again" in told
    assert not is_complete(other, place.source.lock, place.source.interpreter)
    assert is_complete(alone, place.source.lock, place.source.interpreter)


@pytest.mark.parametrize("alter", [replaced, Path.unlink])
def test_what_is_replaced_or_removed_is_nobody_elses(
    place: Place, monkeypatch: pytest.MonkeyPatch, alter: Callable[[Path], None]
) -> None:
    found, told = run_with(place, monkeypatch, Alters(place, "espnet-s3prl", alter))
    assert {cell.outcome for cell in found.values()} == {Outcome.WORKS}
    assert [name for name, cell in found.items() if any(check.id == "leaves-files" for check in cell.checks)] == [
        "espnet-s3prl"
    ]
    assert not any("shares" in line for line in told)
