"""A cell is known while the content of all that can change its outcome is the same, and not a moment longer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from factories import make_cell, make_environment, make_environment_result, make_evidence
from session_settings import make_settings

from asrcompat.model import Device, EnvironmentResult, Outcome, Stage
from asrcompat.run import host
from asrcompat.run.cells import Settings
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.known import content_of, known_cells, restated, with_content
from asrcompat.run.lock import Lock
from asrcompat.run.session import Locked
from asrcompat.spec import Spec

LOCK = Lock('[[packages]]\nname = "torch"\nversion = "2.3.1"\n')
SOURCE = Locked(
    lock=LOCK, interpreter=Interpreter(executable=Path("python"), version="3.10.1", modules="some"), text=""
)
CODE = "c0de"
PATHS = ("transformers", "s3prl-hf")


@pytest.fixture
def settings(spec: Spec, tmp_path: Path) -> Settings:
    return make_settings(spec, tmp_path, paths=PATHS)


def kept(settings: Settings, **of_second: Any) -> EnvironmentResult:
    environment = replace(make_environment(), lock_sha256=LOCK.sha256, code=CODE, ran_at=datetime.now(UTC).isoformat())
    cells = [make_cell(environment, PATHS[0]), make_cell(environment, PATHS[1], **of_second)]
    return with_content(make_environment_result(environment, cells), SOURCE, settings, code=CODE)


def known(settings: Settings, result: EnvironmentResult, **changes: Any) -> list[str]:
    asked: dict[str, Any] = {"source": SOURCE, "code": CODE, "unbuilt_hours": 1.0, **changes}
    source = asked.pop("source")
    return sorted(path for path, _ in known_cells(result, source, settings, **asked))


def test_what_was_found_of_the_same_content_is_known(settings: Settings) -> None:
    assert known(settings, kept(settings)) == sorted(PATHS)


@pytest.mark.parametrize(
    "source",
    [
        replace(SOURCE, lock=Lock(LOCK.text.replace("2.3.1", "2.3.0"))),
        replace(SOURCE, interpreter=replace(SOURCE.interpreter, version="3.10.2")),
        replace(SOURCE, interpreter=replace(SOURCE.interpreter, modules="without lzma")),
    ],
    ids=["lock", "interpreter", "its modules"],
)
def test_another_lock_or_interpreter_is_not_known(settings: Settings, source: Locked) -> None:
    assert known(settings, kept(settings), source=source) == []


def test_an_interpreter_elsewhere_is_the_same_one(settings: Settings) -> None:
    elsewhere = replace(SOURCE.interpreter, executable=Path("opt/python"))
    assert known(settings, kept(settings), source=replace(SOURCE, interpreter=elsewhere)) == sorted(PATHS)


def test_other_code_is_not_known(settings: Settings) -> None:
    assert known(settings, kept(settings), code="other") == []


@pytest.mark.parametrize(
    "changed",
    [
        {"model": "owner/another"},
        {"weights": "hub"},
        {"findings": {"audio": 90.0}},
        {"probe": {"seed": 1}},
        {"probe": {"trials": 11}},
        {"limits": {"train_seconds": 1.0}},
    ],
    ids=str,
)
def test_other_settings_are_not_known(settings: Settings, changed: dict[str, Any]) -> None:
    result = kept(settings)
    whole = {
        name: replace(getattr(settings, name), **value) if name in ("probe", "limits") else value
        for name, value in changed.items()
    }
    assert known(replace(settings, **whole), result) == []


def test_threads_are_no_part_of_it(settings: Settings) -> None:
    assert known(replace(settings, threads=7), kept(settings)) == sorted(PATHS)


def test_another_platform_is_not_known(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    result = kept(settings)
    monkeypatch.setattr(host, "platform_facts", lambda: ("another",))
    assert known(settings, result) == []


def test_libraries_that_a_person_adds_are_part_of_the_platform(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = kept(settings)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/lib")
    assert known(settings, result) == []


def test_the_gpu_matters_to_its_own_cells_only(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {
        device: content_of("transformers", device, SOURCE, settings, code=CODE) for device in (Device.CPU, Device.CUDA)
    }
    monkeypatch.setattr(host, "cuda_devices", lambda: ("Example GPU",))
    after = {device: content_of("transformers", device, SOURCE, settings, code=CODE) for device in before}
    assert after[Device.CPU] == before[Device.CPU]
    assert after[Device.CUDA] != before[Device.CUDA]


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.UNAVAILABLE])
def test_what_says_nothing_of_packages_is_not_known(settings: Settings, outcome: Outcome) -> None:
    assert known(settings, kept(settings, outcome=outcome)) == [PATHS[0]]


@pytest.mark.parametrize("outcome", [Outcome.BROKEN, Outcome.UNSTABLE])
def test_what_is_to_be_run_again_is_not_known(settings: Settings, outcome: Outcome) -> None:
    result = kept(settings, outcome=outcome, failed=Stage.TRAIN)
    assert known(settings, result) == sorted(PATHS)
    assert known(settings, result, again={outcome}) == [PATHS[0]]


@pytest.mark.parametrize(("age", "believed"), [(0.5, True), (2, False), (-1, False)], ids=["young", "old", "ahead"])
def test_what_could_not_be_installed_is_believed_for_some_hours(settings: Settings, age: float, believed: bool) -> None:
    result = kept(settings, outcome=Outcome.BROKEN, failed=Stage.INSTALL, evidence=None)
    then = (datetime.now(UTC) - timedelta(hours=age)).isoformat()
    result = replace(result, environment=replace(result.environment, ran_at=then))
    assert (PATHS[1] in known(settings, result)) is believed
    assert PATHS[0] in known(settings, result), "what was run stays true"


@pytest.mark.parametrize("exception", ["DeadlineExceeded", "SilenceExceeded", "MemoryLimitExceeded"])
@pytest.mark.parametrize(("age", "believed"), [(0.5, True), (2, False)])
def test_what_ran_into_a_limit_is_believed_for_some_hours(
    settings: Settings, exception: str, age: float, believed: bool
) -> None:
    """The machine may have been busy with something else."""
    then = (datetime.now(UTC) - timedelta(hours=age)).isoformat()
    evidence = make_evidence(make_environment(), started=then)
    result = kept(settings, outcome=Outcome.BROKEN, failed=Stage.LOAD, exception=exception, evidence=evidence)
    assert (PATHS[1] in known(settings, result)) is believed, "though others of its environment ran just now"


def test_programs_and_libraries_that_packages_look_for_are_part_of_the_platform(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = kept(settings)
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    host._found.cache_clear()
    assert known(settings, result) == []
    host._found.cache_clear()


def test_of_the_real_checkpoint_nothing_is_known(settings: Settings) -> None:
    real = replace(settings, weights="hub")
    assert known(real, kept(real)) == []


def test_only_what_is_asked_for_is_known(settings: Settings) -> None:
    assert known(replace(settings, paths=PATHS[:1]), kept(settings)) == [PATHS[0]]
    assert known(replace(settings, devices=(Device.CUDA,)), kept(settings)) == []


def test_a_result_from_before_there_were_keys_is_not_known(settings: Settings) -> None:
    result = kept(settings)
    assert known(settings, replace(result, cells=tuple(replace(cell, content=None) for cell in result.cells))) == []


def test_a_known_environment_says_what_it_is_declared_today_and_when_it_ran(settings: Settings) -> None:
    result = kept(settings)
    today = replace(result.environment, declared="conflict", ran_at=None, code=None, installable="unknown", build={})
    told = restated(result, today).environment
    assert told.declared == "conflict"
    assert (told.ran_at, told.code) == (result.environment.ran_at, CODE)
    assert (told.installable, told.build) == ("ok", result.environment.build)
