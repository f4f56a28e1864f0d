"""Results are kept whole; a part of an environment's cells takes nothing of the others away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from factories import make_cell, make_environment, make_environment_result

from asrcompat.model import Device, EnvironmentResult
from asrcompat.run.store import Store


def result(*paths: str, lock: str = "l" * 64, code: str | None = "abc") -> EnvironmentResult:
    environment = replace(make_environment(), lock_sha256=lock, code=code)
    cells = tuple(make_cell(environment, path=path) for path in paths)
    return make_environment_result(environment=environment, cells=cells)


def stored(tmp_path: Path, *results: EnvironmentResult) -> list[str]:
    store = Store(tmp_path, "synthetic-base")
    for one in results:
        store.write(one, lock="the lock")
    found = store.read(results[0].environment.id, warn=pytest.fail)
    assert found is not None
    assert store.lock(found.environment) == "the lock"
    return sorted(cell.path for cell in found.cells)


def test_a_partial_run_keeps_the_other_cells_of_the_same_lock_and_code(tmp_path: Path) -> None:
    assert stored(tmp_path, result("a", "b"), result("b")) == ["a", "b"]


def test_others_are_those_not_known_that_have_their_lock(tmp_path: Path) -> None:
    store = Store(tmp_path, "synthetic-base")
    for name in ("a", "b", "c"):
        environment = make_environment(name)
        made = make_environment_result(environment=environment, cells=[make_cell(environment)])
        store.write(made, lock=None if name == "c" else "the lock")
    (store.folder / "torn.json").write_text("{", encoding="utf-8")
    told: list[str] = []
    assert [one.environment.id for one in store.others(["a"], warn=told.append)] == ["b"]
    assert len(told) == 1


@pytest.mark.parametrize("later", [result("b", lock="m" * 64), result("b", code="def"), result("b", code=None)])
def test_cells_of_another_lock_or_of_other_code_are_not_mixed_in(tmp_path: Path, later: EnvironmentResult) -> None:
    assert stored(tmp_path, result("a", "b"), later) == ["b"]


def test_one_message_that_no_file_can_hold_does_not_lose_the_result(tmp_path: Path) -> None:
    """One that reached the result by another way than the scrubber, such as what an installed package calls itself."""
    made = result("a", "b")
    odd = replace(made.cells[1], message="cannot open caf\udce9.wav")
    store = Store(tmp_path, "synthetic-base")
    store.write(replace(made, cells=(made.cells[0], odd)), lock="caf\udce9==1.0\n")
    found = store.read(made.environment.id, warn=pytest.fail)
    assert found is not None
    assert [cell.message for cell in found.cells] == ["", "cannot open caf\ufffd.wav"]
    assert store.lock(found.environment) == "caf\ufffd==1.0\n"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"schema": 2}', "\x00"])
def test_torn_and_foreign_files_are_named_and_passed_over(tmp_path: Path, content: str) -> None:
    store = Store(tmp_path, "synthetic-base")
    store.folder.mkdir(parents=True)
    store.file("some-id").write_text(content)
    said: list[str] = []
    assert store.read("some-id", warn=said.append) is None
    assert len(said) == 1
    assert "some-id.json" in said[0]
    assert store.read("another", warn=pytest.fail) is None


def test_dropped_cells_are_gone_and_a_result_without_cells_too(tmp_path: Path) -> None:
    store = Store(tmp_path, "synthetic-base")
    name = result("a").environment.id
    store.drop(name, {("a", Device.CPU)})
    store.write(result("a", "b"), lock="the lock")
    store.drop(name, {("a", Device.CPU), ("b", Device.CUDA)})
    left = store.read(name, warn=pytest.fail)
    assert left is not None
    assert [cell.path for cell in left.cells] == ["b"]
    store.drop(name, {("b", Device.CPU)})
    assert store.read(name, warn=pytest.fail) is None


def test_what_is_kept_already_is_not_written_again_but_what_is_torn_is(tmp_path: Path) -> None:
    store, made = Store(tmp_path, "synthetic-base"), result("a")
    store.write(made, lock="the lock")
    files = [store.file(made.environment.id), store.folder / str(made.environment.lock)]
    before = [file.stat().st_ino for file in files]
    store.write(made, lock="the lock")
    assert [file.stat().st_ino for file in files] == before
    for file in files:
        file.write_bytes(b"\xff")
    store.write(made, lock="the lock")
    assert store.read(made.environment.id, warn=pytest.fail) == made
    assert store.lock(made.environment) == "the lock"
    store.write(replace(made, cells=(replace(made.cells[0], message="another"),)), lock="another lock")
    assert store.lock(made.environment) == "another lock"
    found = store.read(made.environment.id, warn=pytest.fail)
    assert found is not None
    assert found.cells[0].message == "another"


def test_results_of_other_weights_are_known_by_name(tmp_path: Path) -> None:
    assert Store(tmp_path, "synthetic-base").beside() == []
    made = result("a")
    for weights in ("synthetic-small", "synthetic-base"):
        Store(tmp_path, weights).write(made, lock="the lock")
    assert Store(tmp_path, "synthetic-base").beside() == ["synthetic-small"]
