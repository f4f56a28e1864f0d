"""Whoever reads a file that is torn or foreign names it and goes on as if it were not there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import ROOT
from factories import make_cell, make_environment, make_environment_result, make_results
from small_run import OLD, PATHS, bench, command, index, outcomes, probed
from tiny_lab import Surroundings

from asrcompat.bisecting import choose
from asrcompat.cli import main
from asrcompat.explain.remedies import record
from asrcompat.lab.change import Change
from asrcompat.lab.experiments import mark, of_packages, tried
from asrcompat.lab.known import Known
from asrcompat.model import Device
from asrcompat.options import Options, parse
from asrcompat.plan.builds import Builds
from asrcompat.planning.budget import seconds_each
from asrcompat.reporting import published
from asrcompat.result_files import dump, parse_results
from asrcompat.run import schedule
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.run.store import Store
from asrcompat.running import remote

__all__ = ["bench", "index"]  # fixtures

RESULT = dump(make_results())
TEARS: dict[str, bytes] = {
    "torn": RESULT[: len(RESULT) // 2].encode(),
    "empty": b"",
    "foreign": b"[1]",
    "of another schema": RESULT.replace('"schema": 1', '"schema": 2').encode(),
    "no text": b"\xff\xfe\x00",
}
torn = pytest.mark.parametrize("content", TEARS.values(), ids=TEARS.keys())
Said = pytest.CaptureFixture[str]


def checkout(tmp_path: Path, *arguments: str) -> Options:
    shutil.copy(ROOT / "matrix.toml", tmp_path)
    return parse([*arguments, "--matrix", str(tmp_path / "matrix.toml"), "--work", str(tmp_path / "work")])[1]


def named(capsys: Said, file: Path | str) -> bool:
    """Whether what was said names a file, and that it was passed over."""
    captured = capsys.readouterr()
    return any("passed over" in line and str(file) in line for line in (captured.out + captured.err).splitlines())


@torn
def test_a_published_report(tmp_path: Path, capsys: Said, content: bytes) -> None:
    options = checkout(tmp_path, "plan")
    assert published(options) is None
    assert capsys.readouterr().out == "", "there is none, which is no news"
    file = options.published_folder / "results.json"
    file.parent.mkdir()
    file.write_bytes(content)
    assert published(options) is None
    assert named(capsys, file)
    file.write_text(RESULT, encoding="utf-8")
    assert published(options) is not None


@torn
def test_a_result_that_tells_what_an_environment_takes(tmp_path: Path, capsys: Said, content: bytes) -> None:
    options = checkout(tmp_path, "plan")
    environment = make_environment(seconds={"probe": 60.0})
    options.store.write(make_environment_result(environment, [make_cell(environment)]), lock=None)
    options.store.file("other").write_bytes(content)
    assert seconds_each(options) == (60.0, "the mean of 1 that were run")
    assert named(capsys, options.store.file("other"))


@torn
def test_a_result_of_the_environment_to_bisect_in(tmp_path: Path, capsys: Said, content: bytes) -> None:
    options = checkout(tmp_path, "bisect", "--axis", "transformers")
    request = options.chosen_environments[0]
    asked = choose.question(options, request)
    assert choose.seen(options, request, asked) == (None, None)
    assert capsys.readouterr().out == ""
    file = options.store.file(request.id)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    assert choose.seen(options, request, asked) == (None, None)
    assert named(capsys, file)


@torn
def test_a_result_of_what_is_to_be_run(bench: Surroundings, tmp_path: Path, capsys: Said, content: bytes) -> None:
    """It is run again, and its place is taken: nobody would hear of it later."""
    assert command(tmp_path, "session", OLD) == 0
    probed(bench)
    file = Store(tmp_path / "work", "synthetic-base").file(OLD)
    file.write_bytes(content)
    capsys.readouterr()
    assert command(tmp_path, "session", OLD) == 0
    assert probed(bench) == [(OLD, PATHS)]
    assert named(capsys, file)
    assert len(outcomes(tmp_path)) == len(PATHS)


@torn
def test_a_result_that_was_laid_by(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path, "synthetic-base")
    environment = make_environment()
    cell = make_cell(environment, content="some")
    store.write(make_environment_result(environment, [cell]), lock=None)
    store.remove(environment.id)
    lock = str(environment.lock_sha256)
    assert store.earlier(environment.id, lock, warn=pytest.fail) is not None
    (file,) = (store.folder / "earlier").rglob("*.json")
    file.write_bytes(content)
    said: list[str] = []
    assert store.earlier(environment.id, lock, warn=said.append) is None
    assert list(store.of_lock(lock, but="another", warn=said.append)) == []
    assert [str(file) in line for line in said] == [True, True]


@torn
def test_a_result_whose_place_a_merged_one_takes(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path, "synthetic-base")
    environment = make_environment()
    result = make_environment_result(environment, [make_cell(environment)])
    store.write(result, lock=None)
    store.file(environment.id).write_bytes(content)
    said: list[str] = []
    store.add(result, lock=None, pylock=None, tell=said.append)
    assert [str(store.file(environment.id)) in line for line in said] == [True]
    assert store.read(environment.id, warn=pytest.fail) == result


@torn
def test_a_result_that_a_worker_is_to_give_back(bench: Surroundings, tmp_path: Path, content: bytes) -> None:
    choices = ["--matrix", str(tmp_path / "matrix.toml"), "--work", str(tmp_path / "work")]
    task = remote.Task(run_name="one", name=OLD, choices=(), seconds=1, checkout="", profile="core")
    file = Store(tmp_path / "work", "synthetic-base").file(OLD)
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    said: list[str] = []
    assert remote._done(task, choices, 0, "", datetime.now(UTC), said.append).result is None
    assert [str(file) in line for line in said] == [True]


@torn
def test_what_the_laboratory_found(bench: Surroundings, content: bytes) -> None:
    asked = replace(bench.request, torch="2.3.1", torchaudio="2.3.1", transformers="4.41.2", s3prl="0.4.15")
    asked = replace(asked, espnet="202402")
    laboratory = bench.laboratory()
    laboratory.run(asked)
    ran = len(bench.probed)
    assert ran == 1
    (file,) = (bench.settings.work / "lab" / "results").rglob("*.json")
    file.write_bytes(content)
    laboratory.run(asked)
    assert len(bench.probed) == ran + 1
    assert any("passed over" in line and str(file) in line for line in bench.said)


@pytest.mark.parametrize("content", [b"{", b"[]", b"{}", b"\xff", b'{"base": "a", "changes": 1}'])
def test_a_mark_of_what_the_laboratory_tried(tmp_path: Path, capsys: Said, content: bytes) -> None:
    environment = make_environment("derived", derived_from="base")
    for key in ("torn", "whole"):
        Known(tmp_path).keep(key, make_environment_result(environment, [make_cell(environment)]), "torch==1\n")
        mark(tmp_path, key, "base", (Change(kind="axis", value="s3prl=0.4.15"),))
    (tmp_path / "of-packages" / "torn").write_bytes(content)
    assert [one.base for one in tried(tmp_path)] == ["base"]
    assert named(capsys, tmp_path / "of-packages" / "torn")


def test_a_lock_of_the_laboratorys(tmp_path: Path, capsys: Said) -> None:
    environment = make_environment("derived", derived_from="base")
    known = Known(tmp_path)
    known.keep("key", make_environment_result(environment, [make_cell(environment)]), "torch==1\n")
    mark(tmp_path, "key", "base", (Change(kind="axis", value="s3prl=0.4.15"),))
    assert len(of_packages(tmp_path)) == 1
    (file,) = (one for one in tmp_path.rglob("*") if one.is_file() and one.read_bytes() == b"torch==1\n")
    file.write_bytes(b"\xff")
    assert of_packages(tmp_path) == []
    assert named(capsys, "derived")


def test_a_lock_beside_a_report(tmp_path: Path, capsys: Said) -> None:
    """Of an environment of another profile: the report does without it."""
    options = checkout(tmp_path, "report")
    mine = make_environment(options.chosen_environments[0].id)
    other = make_environment("another")
    for one in (mine, other):
        options.store.write(make_environment_result(one, [make_cell(one)]), lock="torch==1\n")
    (options.store.folder / str(other.lock)).write_bytes(b"\xff")
    (options.store.folder / str(mine.lock)).write_bytes(b"\xff")
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures")
    main(["report", "--matrix", str(options.matrix), "--work", str(options.work), "--reports", str(tmp_path / "out")])
    captured = capsys.readouterr()
    assert "passed over: another: its lock cannot be read" in captured.out
    assert f"{mine.id}: its lock cannot be read ({mine.lock}: it is no text)" in captured.out
    assert (tmp_path / "out" / "results.json").is_file()


def test_a_lock_that_is_asked_about(tmp_path: Path, capsys: Said) -> None:
    checkout(tmp_path, "plan")
    shutil.copytree(ROOT / "reports", tmp_path / "reports")
    report = tmp_path / "reports" / "results.json"
    file = report.parent / str(parse_results(report.read_bytes(), source="").environments[0].lock)
    file.write_bytes(b"\xff")
    main(["ask", "--torch", "2.3.1", "--matrix", str(tmp_path / "matrix.toml")])
    assert named(capsys, file)


TORN_LOCKS = [
    b"",
    b"\xff",
    b"[[packages",
    b"packages = 1",
    b"[[packages]]\n",
    b'[[packages]]\nname = "a"\nwheels = [{}]\n',
]


@pytest.mark.parametrize("content", TORN_LOCKS)
def test_a_lock_that_was_made(bench: Surroundings, tmp_path: Path, capsys: Said, content: bytes) -> None:
    assert command(tmp_path, "session", OLD) == 0
    locks = list((tmp_path / "work" / "locks").glob("*.pylock.toml"))
    assert locks
    for file in locks:
        file.write_bytes(content)
    probed(bench)
    capsys.readouterr()
    assert command(tmp_path, "session", OLD) == 0
    assert probed(bench) == [], "it was made anew, and is the same"
    assert named(capsys, locks[0])
    assert Lock.read(locks[0]).versions


@torn
def test_what_was_found_of_a_build(tmp_path: Path, capsys: Said, this_python: Interpreter, content: bytes) -> None:
    built: list[str] = []

    class Counted(Builds):
        def _build(self, distribution: str, python: Interpreter) -> None:
            built.append(distribution)

    def again() -> int:
        assert Counted(work=tmp_path, arguments=(), seconds=1, hours=1).failure("some==1", this_python) is None
        return len(built)

    assert (again(), again()) == (1, 1)
    (file,) = (tmp_path / "builds").iterdir()
    assert not named(capsys, file)
    file.write_bytes(content)
    assert again() == 2
    assert named(capsys, file)
    assert again() == 2


@torn
def test_a_record_of_remedies_whose_place_another_takes(tmp_path: Path, content: bytes) -> None:
    environment = make_environment()
    of_others = record.Record(environment=environment.id, lock_sha256="of another", code=None, failures={}, remedies=())
    record.write(of_others, {}, tmp_path)
    said: list[str] = []
    outdated: list[str] = []
    assert record.read(environment, tmp_path, warn=pytest.fail, outdated=outdated.append) is None
    assert len(outdated) == 1
    (tmp_path / f"{environment.id}.json").write_bytes(content)
    assert record.read(environment, tmp_path, warn=said.append, outdated=pytest.fail) is None
    assert [f"{environment.id}.json" in line for line in said] == [True]


def test_the_end_of_a_log_that_breaks_off_within_a_character(tmp_path: Path) -> None:
    (tmp_path / "some.session.log").write_bytes("it said: \u0939".encode()[:-1])
    assert schedule.tail(tmp_path, "some") == "it said: \ufffd"


def test_a_moment_that_is_none(tmp_path: Path, bench: Surroundings) -> None:
    """A result from elsewhere is whole, and says of its time what it likes."""
    assert command(tmp_path, "session", OLD) == 0
    store = Store(tmp_path / "work", "synthetic-base")
    found = store.read(OLD, warn=pytest.fail)
    assert found is not None
    cells = [
        replace(cell, exception="DeadlineExceeded", evidence=replace(cell.evidence, started="yesterday"))
        for cell in found.cells
        if cell.evidence is not None
    ]
    assert cells[0].device is Device.CPU
    store.file(OLD).write_text(dump(replace(found, cells=tuple(cells))), encoding="utf-8")
    probed(bench)
    assert command(tmp_path, "session", OLD) == 0
    assert probed(bench) == [(OLD, PATHS)]
