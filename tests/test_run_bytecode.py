"""Compiled modules are shared where their source is the same file, and nowhere else."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_environments import Place, imported, index, names, place, run

from asrcompat.run.bytecode import share, shared
from asrcompat.run.environment import give_up
from asrcompat.run.hold import alone
from asrcompat.run.intact import Intact

__all__ = ["index", "place"]  # fixtures


def test_a_new_environment_has_what_another_compiled(place: Place) -> None:
    first = place.built("first", "torch==1.0", "helper==1.0")
    imported(first, "torch", "helper")
    second = place.built("second", "torch==1.0", "helper==2.0")
    assert names(second) == {"torch"}, "helper is another file"


def test_the_most_alike_comes_first_and_others_fill_in(place: Place) -> None:
    only_torch = place.built("first", "torch==1.0")
    imported(only_torch, "torch")
    both = place.built("second", "torch==2.0", "helper==1.0")
    imported(both, "torch", "helper")
    third = place.built("third", "torch==1.0", "helper==1.0")
    assert names(third) == {"torch", "helper"}


def test_a_traceback_names_the_files_of_its_own_environment(place: Place) -> None:
    first = place.built("first", "torch==1.0")
    run(first, "import torch; torch.fail()")
    second = place.built("second", "torch==1.0", "helper==1.0")
    assert list(shared(second))
    told = run(second, "import torch; torch.fail()")
    assert f'File "{second}' in told
    assert str(first) not in told


def test_what_a_full_disk_cut_off_is_not_handed_on(place: Place) -> None:
    first = place.built("first", "torch==1.0", "helper==1.0")
    imported(first, "torch", "helper")
    [torn] = first.rglob("helper*.pyc")
    torn.write_bytes(torn.read_bytes()[:40])
    assert "EOFError" in run(first, "import helper")
    second = place.built("second", "torch==1.0", "helper==1.0", "other==1.0")
    assert names(second) == {"torch"}
    assert run(second, "import torch, helper") == ""


def test_an_environment_that_is_being_probed_gives_nothing(place: Place) -> None:
    first = place.built("first", "torch==1.0")
    imported(first, "torch")
    with alone(first.parent, lambda _: None):
        assert names(place.built("second", "torch==1.0", "helper==1.0")) == set()
    assert names(place.built("third", "torch==1.0", "helper==2.0")) == {"torch"}


def test_a_compiled_module_that_a_distribution_brings_stays_its_own(place: Place) -> None:
    """Some do, and uv's cache, which shares it, has to be emptied of such a one."""
    environment = place.built("first", "torch==1.0")
    packages = next(environment.glob("lib/python*/site-packages"))
    compiled = packages / "__pycache__" / "torch.cpython-311.pyc"
    compiled.parent.mkdir(exist_ok=True)
    compiled.write_bytes(b"brought along")
    (packages / "elsewhere").hardlink_to(compiled)
    with next(packages.glob("torch-*.dist-info/RECORD")).open("a") as record:
        record.write("__pycache__/torch.cpython-311.pyc,,\n")
    intact = Intact(environment)
    compiled.write_bytes(b"altered")
    assert intact.altered() == ("__pycache__/torch.cpython-311.pyc",)
    assert intact.found.distributions == {"torch"}


@pytest.mark.parametrize("mark", ["[]", "null", "{", '{"python": 3}'])
def test_a_foreign_mark_is_passed_over(place: Place, mark: str) -> None:
    foreign = place.work / "envs" / "foreign" / "x"
    foreign.mkdir(parents=True)
    (foreign / "asrcompat-complete.json").write_text(mark)
    assert place.built("first", "torch==1.0").exists()


def test_what_cannot_be_linked_is_left_out(tmp_path: Path) -> None:
    packages = [tmp_path / name / "lib" / "python3.11" / "site-packages" for name in ("old", "new")]
    for folder in packages:
        (folder / "helper").mkdir(parents=True)
        (folder / "helper" / "alone.py").write_text("")
    cache = packages[0] / "helper" / "__pycache__"
    cache.mkdir()
    for name in ("alone.cpython-311.pyc", "gone.cpython-311.pyc"):
        (cache / name).write_bytes(b"")
    assert share(tmp_path / "new", Path(sys.executable), [tmp_path / "old", tmp_path / "nowhere"]) == 0
    assert not (packages[1] / "helper" / "__pycache__").exists()


def test_a_compiled_module_that_is_written_into_is_seen(place: Place) -> None:
    first = place.built("first", "torch==1.0")
    imported(first, "torch")
    second = place.built("second", "torch==1.0", "helper==1.0")
    intact = Intact(second)
    [(compiled, name)] = shared(second)
    imported(second, "torch")
    assert intact.altered() == ()
    with compiled.open("ab") as file:
        file.write(b"more")
    assert intact.altered() == (name,)
    assert list(intact.found.shared) == [str(compiled.relative_to(second))]


def test_giving_up_what_was_written_into_leaves_the_installers_cache(place: Place) -> None:
    first = place.built("first", "torch==1.0")
    imported(first, "torch")
    second = place.built("second", "torch==1.0", "helper==1.0")
    third = place.built("third", "torch==2.0")
    intact = Intact(second)
    with next(shared(second))[0].open("ab") as file:
        file.write(b"more")
    assert intact.altered()
    told: list[str] = []
    give_up(second, intact.found, told.append)
    assert told == ["first shares what was altered, and will be built again"]
    assert not second.exists()
    assert third.exists()
    assert list((place.work / "uv-cache").rglob("torch.py")), "what was not altered need not be fetched again"


def test_another_interpreter_shares_nothing(place: Place) -> None:
    imported(place.built("first", "torch==1.0"), "torch")
    place.python = replace(place.python, version="3.99.1")
    assert list(shared(place.built("second", "torch==1.0", "helper==1.0"))) == []
