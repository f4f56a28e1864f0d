"""A cell is known while the content of all that can change its outcome is the same, and not a moment longer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from factories import make_cell, make_environment, make_environment_result, make_evidence
from hypothesis import given
from hypothesis import strategies as st
from session_settings import make_settings

from asrcompat.model import Device, Environment, EnvironmentResult, Outcome, Stage
from asrcompat.run import host
from asrcompat.run.cells import Settings
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.known import content_of, known_cells, restated, taken_over, with_content, with_known
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


WANTED = frozenset((path, Device.CPU) for path in PATHS)
BUILT = Lock(
    '[[packages]]\nname = "espnet"\nversion = "202402"\nsdist = { url = "e.tar.gz", hashes = { sha256 = "0" } }\n'
)


def other_id(**changes: Any) -> Environment:
    environment = replace(make_environment("under another id"), installable="unknown", seconds={}, build={})
    return replace(environment, **{"lock_sha256": LOCK.sha256, **changes})


def test_what_was_found_under_another_id_says_as_what(settings: Settings) -> None:
    result = kept(settings)
    taken = taken_over(result, other_id(), SOURCE, WANTED)
    assert taken is not None
    assert known(settings, taken) == sorted(PATHS)
    assert {cell.environment for cell in taken.cells} == {"under another id"}
    assert {cell.evidence.ran_as for cell in taken.cells if cell.evidence} == {result.environment.id}
    assert (taken.environment.ran_at, taken.environment.installable) == (result.environment.ran_at, "ok")
    third = taken_over(taken, replace(other_id(), id="third"), SOURCE, WANTED)
    assert third is not None
    assert {cell.evidence.ran_as for cell in third.cells if cell.evidence} == {result.environment.id}, "where it ran"


def test_only_what_is_wanted_is_taken_over(settings: Settings) -> None:
    taken = taken_over(kept(settings), other_id(), SOURCE, {(PATHS[1], Device.CPU)})
    assert taken is not None
    assert [cell.path for cell in taken.cells] == [PATHS[1]]
    assert taken_over(kept(settings), other_id(), SOURCE, {(PATHS[1], Device.CUDA)}) is None


def test_what_is_known_under_another_id_takes_its_place_among_the_own(settings: Settings) -> None:
    own = kept(settings, outcome=Outcome.ERROR)
    taken = taken_over(kept(settings), own.environment, SOURCE, WANTED)
    assert taken is not None
    both = with_known(own, taken, {(PATHS[1], Device.CPU)})
    assert [(cell.path, cell.outcome) for cell in both.cells] == [(path, Outcome.WORKS) for path in PATHS]
    assert both.environment == own.environment
    unbuilt = replace(own, environment=replace(own.environment, installable="failed"))
    assert with_known(unbuilt, taken, {(PATHS[1], Device.CPU)}).environment.installable == "ok"
    assert [cell.path for cell in with_known(None, taken, {(PATHS[0], Device.CPU)}).cells] == [PATHS[0]]


@pytest.mark.parametrize(
    "there",
    [{"lock_sha256": "0" * 64}, {"installable": "failed"}, {"host": "a-machine"}, {"derived_from": "another"}],
    ids=str,
)
def test_what_is_of_no_such_environment_is_not_taken_over(settings: Settings, there: dict[str, Any]) -> None:
    result = kept(settings)
    result = replace(result, environment=replace(result.environment, **there))
    assert taken_over(result, other_id(), SOURCE, WANTED) is None


def test_what_did_not_run_is_not_taken_over(settings: Settings) -> None:
    taken = taken_over(kept(settings, outcome=Outcome.BROKEN, evidence=None), other_id(), SOURCE, WANTED)
    assert taken is not None
    assert [cell.path for cell in taken.cells] == [PATHS[0]]


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that can change what comes of an environment; `builds`: some of it is no wheel."""

    builds: bool
    torch: str
    code: str
    python: str
    modules: str
    platform: str
    seed: int
    recipe: float
    index: str
    as_of: str | None

    @property
    def source(self) -> Locked:
        text = LOCK.text.replace("2.3.1", self.torch) + (BUILT.text if self.builds else "")
        interpreter = replace(SOURCE.interpreter, version=self.python, modules=self.modules)
        return replace(SOURCE, lock=Lock(text), interpreter=interpreter)

    def environment(self, name: str) -> Environment:
        sha256 = self.source.lock.sha256
        return replace(make_environment(name), lock_sha256=sha256, code=self.code, index=self.index, as_of=self.as_of)

    def settings(self, base: Settings) -> Settings:
        return replace(base, probe=replace(base.probe, seed=self.seed), findings={"recipe": self.recipe})

    def on_its_machine(self) -> Any:
        return patch.object(host, "platform_facts", lambda: (self.platform,))


def facts() -> st.SearchStrategy[Facts]:
    return st.builds(
        Facts,
        builds=st.booleans(),
        torch=st.sampled_from(["2.3.1", "2.3.0"]),
        code=st.sampled_from(["c0de", "0ther"]),
        python=st.sampled_from(["3.10.1", "3.10.2"]),
        modules=st.sampled_from(["all", "without lzma"]),
        platform=st.sampled_from(["glibc", "musl"]),
        seed=st.integers(0, 1),
        recipe=st.sampled_from([1.0, 2.0]),
        index=st.sampled_from(["https://a.example", "https://b.example"]),
        as_of=st.sampled_from([None, "2026-01-01"]),
    )


def shared(base: Settings, there: Facts, here: Facts) -> bool:
    """Whether what is found there, with one set of facts, counts here under another id."""
    with there.on_its_machine():
        environment = there.environment("there")
        result = make_environment_result(environment, [make_cell(environment, PATHS[0])])
        result = with_content(result, there.source, there.settings(base), code=there.code)
    with here.on_its_machine():
        taken = taken_over(result, here.environment("here"), here.source, WANTED)
        settings = here.settings(base)
        return taken is not None and bool(known_cells(taken, here.source, settings, code=here.code, unbuilt_hours=1.0))


@given(facts(), facts(), st.sets(st.sampled_from(list(Facts.__dataclass_fields__))))
def test_what_differs_in_anything_that_can_change_an_outcome_is_never_shared(
    spec: Spec, there: Facts, other: Facts, changed: set[str]
) -> None:
    """`changed` keeps most pairs close to each other: of two at random, too much differs for one thing to tell."""
    here = replace(there, **{name: getattr(other, name) for name in changed})
    # where nothing is built, neither the index nor its day is in what is installed
    apart = replace(there, index=here.index, as_of=here.as_of) if not there.builds else there
    base = make_settings(spec, Path("nowhere"), paths=PATHS)
    assert shared(base, there, here) is (apart == here)
