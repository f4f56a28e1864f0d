"""What was found under one id counts for every other with the same lock, and is told as what it was."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from factories import make_cell, make_environment, make_environment_result
from miniature import MiniatureIndex
from session_settings import make_settings
from small_run import NEW, PATHS, bench, command, index, outcomes, probed, result
from tiny_lab import Surroundings, package

from asrcompat.model import Device, Outcome, Stage
from asrcompat.result_files import dump, parse_environment_result
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.run.session import Locked
from asrcompat.run.store import Store
from asrcompat.running import begin
from asrcompat.spec import Request, Spec
from asrcompat.standing import Standing

__all__ = ["bench", "index"]  # fixtures

NEWEST = NEW.replace("transformers4.57.6", "transformers-newest")
GRID = """
[profiles.{name}]
description = "one lock under several ids"

[[profiles.{name}.grid]]
python = "3.10"
torch = "2.3.1"
espnet = "202611"
s3prl = "0.4.15"
transformers = {transformers}
"""


@pytest.fixture(autouse=True)
def profiles(bench: Surroundings, tmp_path: Path) -> None:
    with (tmp_path / "matrix.toml").open("a", encoding="utf-8") as file:
        file.write(GRID.format(name="moving", transformers='"newest"'))
        file.write(GRID.format(name="both", transformers='["4.57.6", "newest"]'))


def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "work", "synthetic-base")


def ran_as(tmp_path: Path, name: str) -> dict[str, str | None]:
    cells = result(tmp_path, name).cells
    return {cell.path: cell.evidence.ran_as for cell in cells if cell.evidence is not None}


def test_what_newest_is_today_was_run_under_its_own_number(bench: Surroundings, tmp_path: Path) -> None:
    assert command(tmp_path, "session", NEW) == 0
    probed(bench)
    shutil.rmtree(tmp_path / "work" / "envs")
    assert command(tmp_path, "session", NEWEST) == 0
    assert probed(bench) == []
    assert not (tmp_path / "work" / "envs").exists(), "nor is anything installed"
    first, second = result(tmp_path, NEW), result(tmp_path, NEWEST)
    assert outcomes(tmp_path, NEWEST) == outcomes(tmp_path, NEW)
    assert ran_as(tmp_path, NEWEST) == dict.fromkeys(PATHS, NEW)
    assert {cell.environment for cell in second.cells} == {NEWEST}
    told = [(cell.evidence.started, cell.evidence.log_sha256) for cell in second.cells if cell.evidence]
    assert told == [(cell.evidence.started, cell.evidence.log_sha256) for cell in first.cells if cell.evidence]
    assert (second.environment.id, second.environment.lock) == (NEWEST, f"locks/{NEWEST}.txt")
    assert second.environment.ran_at == first.environment.ran_at
    assert (store(tmp_path).folder / f"locks/{NEWEST}.txt").is_file()


def test_what_was_taken_over_is_its_own_from_then_on(bench: Surroundings, tmp_path: Path) -> None:
    command(tmp_path, "session", NEW)
    command(tmp_path, "session", NEWEST)
    shutil.rmtree(store(tmp_path).folder / "earlier", ignore_errors=True)
    store(tmp_path).file(NEW).unlink()
    probed(bench)
    assert command(tmp_path, "session", NEWEST) == 0
    assert command(tmp_path, "session", NEW) == 0, "and goes back"
    assert probed(bench) == []
    assert ran_as(tmp_path, NEW) == dict.fromkeys(PATHS)


def test_cells_that_were_not_found_under_the_other_id_are_run(bench: Surroundings, tmp_path: Path) -> None:
    assert command(tmp_path, "session", NEW, "--paths", PATHS[0]) == 0
    probed(bench)
    assert command(tmp_path, "session", NEWEST) == 0
    assert probed(bench) == [(NEWEST, PATHS[1:])]
    assert ran_as(tmp_path, NEWEST) == {PATHS[0]: NEW, PATHS[1]: None}
    assert command(tmp_path, "session", NEW) == 0
    assert probed(bench) == []
    assert ran_as(tmp_path, NEW) == {PATHS[0]: None, PATHS[1]: NEWEST}


def test_a_session_that_is_killed_does_not_lose_what_it_took_over(bench: Surroundings, tmp_path: Path) -> None:
    command(tmp_path, "session", NEW, "--paths", PATHS[0])
    bench.stopped_at.add(PATHS[1])
    assert command(tmp_path, "session", NEWEST) == 3
    assert list(outcomes(tmp_path, NEWEST)) == [f"{PATHS[0]} on cpu"]


def test_what_was_laid_by_under_another_id_counts_too(bench: Surroundings, tmp_path: Path) -> None:
    command(tmp_path, "session", NEW)
    store(tmp_path).remove(NEW)
    probed(bench)
    assert command(tmp_path, "session", NEWEST) == 0
    assert probed(bench) == []
    assert set(outcomes(tmp_path, NEWEST)) == {f"{path} on cpu" for path in PATHS}


def test_the_last_results_of_another_lock_give_way(bench: Surroundings, index: MiniatureIndex, tmp_path: Path) -> None:
    """As every night on which newest is another."""
    command(tmp_path, "session", NEWEST)
    before = result(tmp_path, NEWEST)
    package(index, "helper", "1")
    package(index, "espnet", "202611", requires=("helper",))
    assert command(tmp_path, "session", NEW, "--fresh") == 0
    shutil.rmtree(tmp_path / "work" / "locks")
    probed(bench)
    assert command(tmp_path, "session", NEWEST) == 0
    assert probed(bench) == []
    after = result(tmp_path, NEWEST)
    assert after.environment.lock_sha256 == result(tmp_path, NEW).environment.lock_sha256
    assert after.environment.lock_sha256 != before.environment.lock_sha256
    assert ran_as(tmp_path, NEWEST) == dict.fromkeys(PATHS, NEW)


@pytest.mark.parametrize("option", ["--again", "--fresh"])
def test_what_is_to_be_run_again_is_run(bench: Surroundings, tmp_path: Path, option: str) -> None:
    command(tmp_path, "session", NEW)
    probed(bench)
    assert command(tmp_path, "session", NEWEST, option) == 0
    assert command(tmp_path, "matrix", "--profile", "both", option) == 0
    assert probed(bench) == [(NEWEST, PATHS), (NEW, PATHS), (NEWEST, PATHS)]


def test_retrying_what_is_broken_takes_nothing_over(bench: Surroundings, tmp_path: Path) -> None:
    command(tmp_path, "session", NEW)
    command(tmp_path, "session", NEWEST)
    probed(bench)
    assert command(tmp_path, "matrix", "--profile", "moving", "--retry-broken") == 0
    assert probed(bench) == [(NEWEST, ("s3prl-hf",))]
    assert ran_as(tmp_path, NEWEST) == {PATHS[0]: NEW, PATHS[1]: None}


def test_what_ended_in_an_error_under_one_id_is_taken_from_the_other(bench: Surroundings, tmp_path: Path) -> None:
    bench.trouble.add(NEWEST)
    assert command(tmp_path, "session", NEWEST) == 3
    bench.trouble.clear()
    command(tmp_path, "session", NEW)
    probed(bench)
    assert command(tmp_path, "session", NEWEST) == 0
    assert probed(bench) == []
    assert len(result(tmp_path, NEWEST).cells) == len(PATHS)


def test_what_is_taken_in_place_of_an_error_outlives_the_run_of_the_rest(bench: Surroundings, tmp_path: Path) -> None:
    bench.trouble.add(NEWEST)
    command(tmp_path, "session", NEWEST, "--paths", PATHS[0])
    bench.trouble.clear()
    command(tmp_path, "session", NEW, "--paths", PATHS[0])
    probed(bench)
    assert command(tmp_path, "session", NEWEST) == 0
    assert probed(bench) == [(NEWEST, PATHS[1:])]
    assert outcomes(tmp_path, NEWEST)[f"{PATHS[0]} on cpu"] == "works"


@pytest.mark.parametrize(("hours", "believed"), [(0.5, True), (13, False)])
def test_what_could_not_be_built_once_is_no_word_on_what_is_taken(
    bench: Surroundings, tmp_path: Path, hours: float, believed: bool
) -> None:
    command(tmp_path, "session", NEW)
    command(tmp_path, "session", NEWEST)
    at = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    own = result(tmp_path, NEWEST)
    failed = replace(own.environment, installable="failed", reason="BuildFailed: no compiler", ran_at=at)
    cells = [
        replace(cell, outcome=Outcome.BROKEN, stage=Stage.INSTALL, failed=Stage.INSTALL, evidence=None)
        for cell in own.cells
    ]
    file = store(tmp_path).file(NEWEST)
    file.write_text(dump(replace(own, environment=failed, cells=tuple(cells))), encoding="utf-8")
    shutil.rmtree(store(tmp_path).folder / "earlier", ignore_errors=True)
    probed(bench)
    assert command(tmp_path, "session", NEWEST) == 0
    assert probed(bench) == []
    now = result(tmp_path, NEWEST)
    assert now.environment.installable == ("failed" if believed else "ok")
    assert (now.environment.reason or "").startswith("BuildFailed") == believed
    assert ran_as(tmp_path, NEWEST) == ({} if believed else dict.fromkeys(PATHS, NEW))


def test_an_error_of_another_id_is_no_news(bench: Surroundings, tmp_path: Path) -> None:
    bench.trouble.add(NEW)
    command(tmp_path, "session", NEW)
    probed(bench)
    assert command(tmp_path, "session", NEWEST) == 0
    assert probed(bench) == [(NEWEST, PATHS)]


def test_two_of_one_lock_in_one_run_are_run_once(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(tmp_path, "matrix", "--profile", "both") == 0
    assert probed(bench) == [(NEW, PATHS)]
    assert f"{NEWEST}: comes after another with the same lock" in capsys.readouterr().out
    told = json.loads((tmp_path / "work" / "reports" / "both-synthetic-base" / "results.json").read_bytes())
    assert [cell["environment"] for cell in told["cells"]] == [NEW, NEW, NEWEST, NEWEST]
    assert [cell["evidence"]["ran_as"] for cell in told["cells"]] == [None, None, NEW, NEW]
    assert command(tmp_path, "matrix", "--profile", "both") == 0
    assert probed(bench) == []


BUILT = '[[packages]]\nname = "espnet"\nversion = "1"\nsdist = { url = "e", hashes = { sha256 = "0" } }\n'
WHEEL = BUILT.replace("sdist = {", "wheels = [{").replace("} }", "} }]")
BOTH = frozenset((path, Device.CPU) for path in PATHS)


@pytest.mark.parametrize(
    ("lock", "first", "second", "waits"),
    [
        (WHEEL, {}, {}, True),
        (WHEEL, {}, {"left": frozenset([(PATHS[0], Device.CPU)])}, True),
        (WHEEL, {"left": frozenset([(PATHS[0], Device.CPU)])}, {}, False),
        (WHEEL, {}, {"lock": WHEEL.replace('"1"', '"2"')}, False),
        (WHEEL, {}, {"as_of": "2026-01-01"}, True),
        (BUILT, {}, {"as_of": "2026-01-01"}, False),
        (BUILT, {}, {"index": "https://elsewhere.example"}, False),
        (BUILT, {}, {}, True),
        (WHEEL, {}, {"recipe": True}, False),
        (WHEEL, {}, {"python": "3.11.2"}, False),
    ],
)
def test_one_waits_for_another_that_answers_all_of_it(
    spec: Spec, tmp_path: Path, lock: str, first: dict[str, Any], second: dict[str, Any], waits: bool
) -> None:
    def standing(name: str, **given: Any) -> Standing:
        facts = {"lock": lock, "left": BOTH, "python": "3.11.1", "recipe": False, "index": None, "as_of": None, **given}
        environment = make_environment(name, index=facts["index"], as_of=facts["as_of"])
        interpreter = Interpreter(executable=Path("python"), version=facts["python"], modules="")
        return Standing(
            environment=environment,
            source=Locked(lock=Lock(facts["lock"]), interpreter=interpreter, text=""),
            settings=make_settings(spec, tmp_path, findings={"recipe": 1.0} if facts["recipe"] else {}),
            kept=None,
            known=frozenset(),
            left=facts["left"],
            absent={},
        )

    found = begin._twins({"first": standing("first", **first), "second": standing("second", **second)})
    assert found == (["second"] if waits else [])


@pytest.mark.parametrize("choice", ["--scheduler=tcp://127.0.0.1:9", "--weights=hub"])
def test_nobody_waits_where_nothing_can_be_shared(
    bench: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: str
) -> None:
    """What workers find may count on their machines alone; of the real weights nothing is known."""
    given: list[list[str]] = []

    def run_these(_: object, requests: Sequence[Request], *__: object) -> list[Request]:
        given.append([one.id for one in requests])
        return []

    monkeypatch.setattr("asrcompat.running.command._run_these", run_these)
    command(tmp_path, "matrix", "--profile", "both", choice)
    assert given == [[NEW, NEWEST]]


def test_where_the_first_of_two_ends_in_an_error_the_second_is_run(bench: Surroundings, tmp_path: Path) -> None:
    bench.trouble.add(NEW)
    assert command(tmp_path, "matrix", "--profile", "both") == 3
    assert probed(bench) == [(NEW, PATHS), (NEWEST, PATHS)]
    assert {cell.outcome for cell in result(tmp_path, NEW).cells} == {Outcome.ERROR}
    assert ran_as(tmp_path, NEWEST) == dict.fromkeys(PATHS)


def test_a_result_that_tells_less_than_is_asked_for_is_not_taken(bench: Surroundings, tmp_path: Path) -> None:
    """What was read inside does not prove a version that this environment is about."""
    command(tmp_path, "session", NEW)
    found = result(tmp_path, NEW)
    cells = []
    for cell in found.cells:
        assert cell.evidence is not None
        versions = {name: version for name, version in cell.evidence.versions.items() if name != "espnet"}
        cells.append(replace(cell, evidence=replace(cell.evidence, versions=versions)))
    packages = {name: version for name, version in found.environment.packages.items() if name != "espnet"}
    less = replace(found, cells=tuple(cells), environment=replace(found.environment, packages=packages))
    store(tmp_path).write(less, lock=None)
    probed(bench)
    assert command(tmp_path, "session", NEWEST) == 0
    assert probed(bench) == [(NEWEST, PATHS)]


def test_torn_and_foreign_files_of_the_lock_are_named_and_passed_over(
    bench: Surroundings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(tmp_path, "session", NEW)
    file = store(tmp_path).file(NEW)
    text = file.read_text(encoding="utf-8")
    for name, content in {
        "a-torn": text[: len(text) // 2],
        "a-foreign": text.replace('"schema": 1', '"schema": 9'),
    }.items():
        store(tmp_path).file(name).write_text(content, encoding="utf-8")
    probed(bench)
    capsys.readouterr()
    assert command(tmp_path, "session", NEWEST) == 0
    assert probed(bench) == []
    said = capsys.readouterr().out
    assert re.findall(r"passed over: \S+/(.*): not a result file", said) == ["a-foreign.json", "a-torn.json"]


def test_a_run_of_which_all_is_known_looks_for_no_other_lock(
    bench: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(tmp_path, "matrix", "--profile", "both") == 0

    def looked(*_: object, **__: object) -> None:
        pytest.fail("other environments' results are looked at")

    monkeypatch.setattr(Store, "of_lock", looked)
    assert command(tmp_path, "matrix", "--profile", "both") == 0


def many(folder: Path, number: int) -> Store:
    found = Store(folder, "synthetic-base")
    for n in range(number):
        environment = make_environment(f"environment-{n}")
        found.write(make_environment_result(environment, [make_cell(environment)]), lock=None)
    return found


def test_of_a_large_folder_only_what_counts_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = many(tmp_path, 50)
    wanted = make_environment("environment-7")
    twin = replace(wanted, id="twin")
    found.write(make_environment_result(twin, [make_cell(twin)]), lock=None)
    read = []

    def parsed(text: bytes, *, source: str) -> object:
        read.append(source)
        return parse_environment_result(text, source=source)

    monkeypatch.setattr("asrcompat.run.same_lock.parse_environment_result", parsed)
    assert wanted.lock_sha256 is not None
    for _ in range(3):
        assert [
            one.environment.id for one in found.of_lock(wanted.lock_sha256, but="environment-7", warn=pytest.fail)
        ] == ["twin"]
    assert {Path(one).stem for one in read} == {"environment-7", "twin"}
    assert list(found.of_lock("0" * 64, but="", warn=pytest.fail)) == []


def test_a_file_that_is_another_by_now_is_looked_at_anew(tmp_path: Path) -> None:
    found = many(tmp_path, 2)
    old, new = make_environment("environment-0"), make_environment("environment-1")
    assert old.lock_sha256 is not None
    assert new.lock_sha256 is not None
    assert [one.environment.id for one in found.of_lock(new.lock_sha256, but="", warn=pytest.fail)] == ["environment-1"]
    moved = replace(old, lock_sha256=new.lock_sha256)
    dropped_in = Store(tmp_path / "elsewhere", "synthetic-base")
    dropped_in.write(make_environment_result(moved, [make_cell(moved)]), lock=None)
    dropped_in.file(old.id).replace(found.file(old.id))
    assert sorted(one.environment.id for one in found.of_lock(new.lock_sha256, but="", warn=pytest.fail)) == [
        "environment-0",
        "environment-1",
    ]
    assert not list(found.of_lock(old.lock_sha256, but="", warn=pytest.fail))
