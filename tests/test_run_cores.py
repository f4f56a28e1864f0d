"""A run's sessions share the cores: as some end, the probes of the others may take more threads."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from test_probe_isolation import climb
from test_probe_pieces import own

from asrcompat.run import cores, host, schedule
from asrcompat.run.progress import Progress

__all__ = ["own"]  # a fixture

NOXFILE = """
import json, nox, os, time

def told():
    file = os.environ["ASRCOMPAT_THREADS_FILE"]
    return file and json.load(open(file))["threads"]

@nox.session(venv_backend="none")
def short(session): print("begins with", told())

@nox.session(venv_backend="none")
def long(session):
    for _ in range(200):
        if told() in ("", 8): break
        time.sleep(0.1)
    print("ends with", told())
"""


def run(folder: Path, *names: str, share: bool) -> dict[str, str]:
    """What sessions that run two at a time print of the file."""
    (folder / "noxfile.py").write_text(NOXFILE)
    codes: dict[str, int] = {}
    schedule.run_sessions(
        names,
        root=folder,
        options=[],
        jobs=2,
        seconds=60,
        logs=folder / "logs",
        progress=Progress(quiet=True),
        after=codes.__setitem__,
        share=share,
    )
    assert codes == dict.fromkeys(names, 0)
    return {name: (folder / "logs" / f"{name}.session.log").read_text() for name in names}


def threads_in(file: Path) -> int:
    told: int = json.loads(file.read_bytes())["threads"]
    return told


def test_each_session_gets_its_part_and_one_alone_gets_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "usable_cores", lambda: 8)
    found = {}
    with cores.shared(tmp_path) as file:
        for sessions in (16, 3, 2, 1, 0):
            cores.share(file, sessions=sessions)
            found[sessions] = threads_in(file)
    assert found == {16: 1, 3: 2, 2: 4, 1: 8, 0: 8}


def test_two_runs_in_one_folder_do_not_disturb_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "usable_cores", lambda: 8)
    with cores.shared(tmp_path) as one:
        cores.share(one, sessions=2)
        with cores.shared(tmp_path) as other:
            cores.share(other, sessions=1)
            assert (threads_in(one), threads_in(other)) == (4, 8)
        assert (one.exists(), other.exists()) == (True, False)


def test_on_a_full_disk_what_was_said_before_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with cores.shared(tmp_path) as file:
        cores.share(file, sessions=1)
        before = file.read_bytes()
        monkeypatch.setattr(cores, "write_text", full)
        cores.share(file, sessions=2)
        assert file.read_bytes() == before


def test_the_last_session_of_a_run_is_told_that_it_has_all_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "usable_cores", lambda: 8)
    said = run(tmp_path, "short", "long", share=True)
    assert "begins with 4" in said["short"]
    assert "ends with 8" in said["long"]
    assert list((tmp_path / "threads").iterdir()) == []


def test_sessions_that_are_not_to_share_are_told_of_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cores.FILE_VARIABLE, "somebody else's")
    assert "ends with \n" in run(tmp_path, "long", share=False)["long"]


TELL = 'import os; raise LookupError(os.environ["OMP_NUM_THREADS"] + os.environ["MKL_NUM_THREADS"])'


def test_a_path_takes_the_threads_that_there_are_when_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a fork and in a fresh process: the second path changes the file, and dies in its fork."""
    file = tmp_path / "threads.json"
    file.write_text('{"threads": 5}')
    monkeypatch.setenv(cores.FILE_VARIABLE, str(file))
    dies = f"import os; open({str(file)!r}, 'w').write('{{\"threads\": 7}}'); "
    dies += 'os.environ["OMP_NUM_THREADS"] == "7" or os._exit(3); ' + TELL
    cells, _ = climb(tmp_path, {"one": TELL, "two": dies})
    assert {name: cell.message for name, cell in cells.items()} == {"one": "55", "two": "77"}
    assert [cell.evidence and cell.evidence.mode for cell in cells.values()] == ["forked", "fresh"]


@pytest.mark.parametrize("content", [None, "", '{"threads": 1', "{}", "[]", "null", '{"threads": "many"}'])
def test_a_file_that_is_missing_or_torn_leaves_the_threads_as_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: Callable[[str], object], content: str | None
) -> None:
    assert taken(tmp_path, monkeypatch, own, content) == ([], "2")


def test_a_torch_that_is_there_is_told_if_the_threads_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: Callable[[str], object]
) -> None:
    assert taken(tmp_path, monkeypatch, own, '{"threads": 2}') == ([], "2")
    assert taken(tmp_path, monkeypatch, own, '{"threads": 6}') == ([6], "6")


def taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch, own: Callable[[str], object], content: str | None
) -> tuple[list[int], str]:
    """What torch is told, and what the variables say, in a probe that was started with two threads."""
    told: list[int] = []
    monkeypatch.setattr(sys.modules["torch"], "set_num_threads", told.append, raising=False)
    variables = {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    module: object = own("threads")
    monkeypatch.setattr(module, "os", type("", (), {"environ": variables}))
    if content is not None:
        (folder / "threads.json").write_text(content)
    module.take(str(folder / "threads.json"))  # type: ignore[attr-defined]
    assert len(set(variables.values())) == 1
    return told, variables["OMP_NUM_THREADS"]
