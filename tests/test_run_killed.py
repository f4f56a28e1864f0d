"""What a killed run's path had written into a compiled module is imported nowhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_environments import Place, imported, index, names, place, run

from asrcompat.run.bytecode import PROBING, compiled, shared
from asrcompat.run.environment import distrust, is_trusted
from asrcompat.run.hold import alone
from asrcompat.run.killed import recover

__all__ = ["index", "place"]  # fixtures

TRUE, ALTERED = "ValueError: as asked for", "ValueError: altered"
# A probe, as far as it matters here, and the end of the run that made it: in place, of the same header, with no word.
KILLED = """
import marshal, os, signal, sys
from pathlib import Path
from asrcompat.run.hold import alone
from asrcompat.run.probed import marked
environment, module = map(Path, sys.argv[1:])
with alone(environment.parent, print), marked(environment):
    code = compile("def fail():\\n    raise ValueError('altered')\\n", "torch.py", "exec")
    with module.open("r+b") as file:
        file.seek(16)
        file.truncate()
        file.write(marshal.dumps(code))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def says(environment: Path) -> str:
    """What its torch fails with."""
    return run(environment, "import torch; torch.fail()").strip().rpartition("\n")[2]


def torch_of(environment: Path) -> Path:
    (found,) = (one for one in compiled(environment) if one.name.startswith("torch."))
    return found


def kill_in(environment: Path) -> None:
    """A run is killed in an environment, when one of its paths has just altered the compiled torch."""
    ended = subprocess.run([sys.executable, "-c", KILLED, environment, torch_of(environment)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (environment / PROBING).exists()


def put_right(place: Place, own: Path) -> list[str]:
    told: list[str] = []
    with alone(own.parent, pytest.fail):
        recover(place.work / "envs", own.parent, told.append)
    return told


@pytest.fixture
def two(place: Place) -> tuple[Path, Path]:
    """Two environments that share a compiled torch."""
    first = place.built("first", "torch==1.0")
    imported(first, "torch")
    second = place.built("second", "torch==1.0", "helper==1.0")
    assert names(second) == {"torch"}
    return first, second


@pytest.mark.parametrize("own", [0, 1], ids=["the session of another", "its own session"])
def test_an_altered_module_is_compiled_again_wherever_it_is(place: Place, two: tuple[Path, Path], own: int) -> None:
    kill_in(two[1])
    assert [says(one) for one in two] == [ALTERED, ALTERED], "it is imported without a word"
    built = [one.stat().st_ino for one in two]
    told = put_right(place, two[own])
    assert [says(one) for one in two] == [TRUE, TRUE]
    assert [one.stat().st_ino for one in two] == built, "nothing is installed again"
    assert all(is_trusted(one) for one in two)
    assert told == ["compiled modules that a killed run may have altered: 1; they are compiled again"]
    assert not (two[1] / PROBING).exists()
    assert put_right(place, two[own]) == []


def test_a_module_that_nobody_else_has_is_compiled_again(place: Place) -> None:
    only = place.built("only", "torch==1.0")
    imported(only, "torch")
    kill_in(only)
    assert says(only) == ALTERED
    put_right(place, only)
    assert says(only) == TRUE


def test_times_that_are_set_back_hide_nothing(place: Place, two: tuple[Path, Path]) -> None:
    kill_in(two[1])
    os.utime(torch_of(two[1]), (0, 0))
    put_right(place, two[0])
    assert [says(one) for one in two] == [TRUE, TRUE]


def test_what_was_built_in_between_is_put_right_too(place: Place, two: tuple[Path, Path]) -> None:
    """It took the altered module from the other one that has it."""
    kill_in(two[1])
    third = place.built("third", "torch==1.0", "other==1.0")
    assert says(third) == ALTERED
    put_right(place, two[0])
    assert [says(one) for one in (*two, third)] == [TRUE] * 3


def test_where_a_run_was_killed_nothing_is_taken_from(place: Place) -> None:
    first = place.built("first", "torch==1.0")
    imported(first, "torch")
    kill_in(first)
    second = place.built("second", "torch==1.0", "helper==1.0")
    assert not list(shared(second))
    assert says(second) == TRUE


def test_what_was_not_written_since_stays(place: Place, two: tuple[Path, Path]) -> None:
    mark = two[1] / PROBING
    mark.touch()
    later = mark.stat().st_mtime + 60
    os.utime(mark, (later, later))
    assert put_right(place, two[0]) == []
    assert names(two[1]) == {"torch"}
    assert not mark.exists()


@pytest.mark.parametrize("distrusted", [False, True])
def test_one_that_is_being_probed_keeps_its_files_and_is_built_again_later(
    place: Place, two: tuple[Path, Path], distrusted: bool
) -> None:
    """That they are gone would be told of the path that runs there; also where it is to be built again already."""
    kill_in(two[1])
    (two[0] / PROBING).touch()
    if distrusted:
        distrust(two[0])
    with alone(two[0].parent, pytest.fail):
        put_right(place, two[1])
        assert torch_of(two[0]).exists()
    (two[0] / PROBING).unlink()
    assert not is_trusted(two[0])
    assert says(two[1]) == TRUE
    assert says(place.built("first", "torch==1.0")) == TRUE


def test_one_that_is_only_held_loses_the_module_and_stays(place: Place, two: tuple[Path, Path]) -> None:
    kill_in(two[1])
    with alone(two[0].parent, pytest.fail):
        put_right(place, two[1])
    assert [says(one) for one in two] == [TRUE, TRUE]
    assert is_trusted(two[0])


def test_one_that_is_just_being_built_loses_the_module(place: Place, two: tuple[Path, Path]) -> None:
    kill_in(two[1])
    aside = two[0].rename(two[0].with_suffix(".part"))
    (aside / "asrcompat-complete.json").unlink()
    with alone(aside.parent, pytest.fail):
        put_right(place, two[1])
    assert not list(compiled(aside))


def test_one_that_is_being_probed_by_a_run_is_not_one_that_was_killed(place: Place, two: tuple[Path, Path]) -> None:
    (two[1] / PROBING).touch()
    with alone(two[1].parent, pytest.fail):
        assert put_right(place, two[0]) == []
    assert (two[1] / PROBING).exists()
    assert names(two[1]) == {"torch"}


def test_putting_right_that_is_killed_is_done_again(
    place: Place, two: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_in(two[1])
    unlink = Path.unlink

    def dies(file: Path, *, missing_ok: bool = False) -> None:
        unlink(file, missing_ok=missing_ok)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "unlink", dies)
    with pytest.raises(KeyboardInterrupt):
        put_right(place, two[1])
    monkeypatch.undo()
    assert (says(two[0]), says(two[1])) == (TRUE, ALTERED), "the own one goes last"
    put_right(place, two[0])
    assert [says(one) for one in two] == [TRUE, TRUE]


@pytest.mark.parametrize("hash_", ["", "sha256=0"], ids=["without a hash", "with another hash"])
def test_a_module_that_a_distribution_brought_costs_it_its_place(place: Place, hash_: str) -> None:
    """uv's cache has it too."""
    only = place.built("only", "torch==1.0")
    imported(only, "torch")
    with next(only.glob("lib/python*/site-packages/torch-*.dist-info/RECORD")).open("a") as record:
        record.write(f"__pycache__/{torch_of(only).name},{hash_},\n")
    kill_in(only)
    assert put_right(place, only) == ["given up: a run that was killed had altered files of torch"]
    assert not only.exists()


@pytest.mark.parametrize("torn", [b"\xff\xfe", b"x" * 2**18], ids=["no text", "no table"])
def test_what_cannot_be_looked_at_elsewhere_stops_no_other_session(
    place: Place, two: tuple[Path, Path], torn: bytes
) -> None:
    kill_in(two[1])
    next(two[1].glob("lib/python*/site-packages/torch-*.dist-info/RECORD")).write_bytes(torn)
    (line,) = put_right(place, two[0])
    assert line.startswith("second: what a run that was killed left there cannot be looked at: ")
    assert (two[1] / PROBING).exists(), "it is not forgotten"
