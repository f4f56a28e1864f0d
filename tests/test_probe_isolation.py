"""A probe's child that goes wrong in any way is one cell, rightly named, and its neighbours are unharmed."""

from __future__ import annotations

import sys
import time
import uuid
import venv
from dataclasses import replace
from pathlib import Path

import pytest
from waiting import comes, running_with

from asrcompat.model import Cell, Device, Outcome, Stage
from asrcompat.run import outcome, probing
from asrcompat.run.inputs import Inputs
from asrcompat.run.probing import Target, probe
from asrcompat.run.records import Raw
from asrcompat.run.scrub import Scrubber
from asrcompat.spec import load_spec

ROOT = Path(__file__).parent.parent

NEIGHBOUR = 'raise LookupError("as planted")'

PLANTED = {
    "segfault": "import ctypes; ctypes.string_at(0)",
    "sleep": "import time; print('asleep', flush=True); time.sleep(600)",
    "allocate": "hoard = []\n    while True: hoard.append(bytearray(50_000_000))",
    "allocate-in-children": (
        "import subprocess, sys, time\n"
        "    code = 'import time; hoard = bytearray(200_000_000); time.sleep(600)'\n"
        "    kept = [subprocess.Popen([sys.executable, '-c', code]) for _ in range(4)]\n"
        "    time.sleep(600)"
    ),
    "flood": "import sys\n    while True: sys.stdout.write('x' * 1_000_000)",
    "exit": "import os; os._exit(3)",
    "system-exit": "import sys; sys.exit('bad usage of the package')",
    "outside": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "network": "import urllib.request; urllib.request.urlopen('http://example.org/')",
    "socket": "import socket; socket.create_connection(('192.0.2.1', 80), timeout=30)",
    "swallowed": (
        "try:\n        import socket; socket.create_connection(('192.0.2.1', 80))\n"
        "    except OSError: pass\n"
        "    raise LookupError('as planted')"
    ),
    "unknown": "from _asrcompat_probe.cell import CannotTell\n    raise CannotTell('names that nobody knows')",
    "late": (
        "import builtins\n"
        "    class Late:\n"
        "        def __del__(self): raise ArithmeticError('too late')\n"
        "    builtins.kept = Late()\n"
        "    raise LookupError('as planted')"
    ),
    "hang-at-exit": "import atexit, time; atexit.register(time.sleep, 600); raise LookupError('as planted')",
}


def target(python: Path = Path(sys.executable)) -> Target:
    spec = load_spec(ROOT / "matrix.toml")
    limits = replace(spec.limits, cell_seconds=8, silence_seconds=3, memory_gb=0.5, output_mb=1, import_seconds=5)
    inputs = Inputs(hub_root=ROOT, symbols=(), probe={}, expected={}, states={}, fairseq=ROOT)
    return Target(
        python=python,
        distributions=("pytest",),
        endpoint="http://127.0.0.1:1",
        model="some/model",
        inputs=inputs,
        fixtures=ROOT / "fixtures",
        probe=spec.probe,
        limits=limits,
        threads=1,
    )


def climb(
    tmp_path: Path, bodies: dict[str, str], modules: str = "()", python: Path = Path(sys.executable)
) -> tuple[dict[str, Cell], dict[str, Raw]]:
    files = {}
    for name, body in bodies.items():
        files[name] = tmp_path / f"{name.replace('-', '_')}.py"
        files[name].write_text(f"MODULES = {modules}\n\n\ndef load(context):\n    {body}\n", encoding="utf-8")
    raws = probe(target(python), files, Device.CPU, folder=tmp_path / "probe", on_progress=lambda *_: None)
    return {name: outcome.cell("some-environment", raw, Scrubber({})) for name, raw in raws.items()}, raws


@pytest.mark.parametrize(
    ("name", "exception", "message"),
    [
        ("segfault", "ProcessKilled", "SIGSEGV"),
        ("sleep", "SilenceExceeded", "no sign of life for 3 s"),
        ("allocate", "MemoryLimitExceeded", "under the limit of its memory"),
        ("allocate-in-children", "MemoryLimitExceeded", "over the limit of 0.5 GB"),
        ("flood", "OutputLimitExceeded", "printed more than 1 MB"),
        ("exit", "ProcessExited", "exit status 3"),
        ("system-exit", "SystemExit", "bad usage of the package"),
    ],
)
def test_each_way_to_go_wrong_is_one_cell(tmp_path: Path, name: str, exception: str, message: str) -> None:
    cells, raws = climb(tmp_path, {"before": NEIGHBOUR, name: PLANTED[name], "zafter": NEIGHBOUR})
    broken = cells.pop(name)
    assert (broken.outcome, broken.stage, broken.exception) == (Outcome.BROKEN, Stage.LOAD, exception)
    assert message in broken.message
    assert len(raws[name].log) < 1_100_000
    died = exception.startswith(("Process", "Silence", "Output")) or name == "allocate-in-children"
    assert broken.evidence is not None
    assert broken.evidence.mode == ("fresh" if died else "forked")
    for cell in cells.values():
        assert (cell.outcome, cell.exception, cell.message) == (Outcome.BROKEN, "LookupError", "as planted")
        assert cell.evidence is not None
        assert cell.evidence.mode == "forked"


def test_nothing_that_a_child_started_lives_on(tmp_path: Path) -> None:
    mark = f"# {uuid.uuid4()}"
    body = PLANTED["allocate-in-children"].replace("sleep(600)'", f"sleep(600)  {mark}'")
    assert mark in body
    cells, _ = climb(tmp_path, {"children": body})
    assert cells["children"].exception == "MemoryLimitExceeded", "they were there"
    assert comes(lambda: not running_with(mark), within=10), running_with(mark)


def test_a_kill_from_outside_says_nothing_about_the_packages(tmp_path: Path) -> None:
    cells, _ = climb(tmp_path, {"outside": PLANTED["outside"]})
    assert cells["outside"].outcome is Outcome.ERROR
    assert "SIGKILL" in cells["outside"].message


def test_what_the_probe_itself_does_not_know_says_nothing_about_the_packages(tmp_path: Path) -> None:
    cells, _ = climb(tmp_path, {"unknown": PLANTED["unknown"]})
    assert (cells["unknown"].outcome, cells["unknown"].message) == (Outcome.ERROR, "names that nobody knows")


@pytest.mark.parametrize("name", ["network", "socket"])
def test_a_failure_that_our_refusal_caused_is_an_error(tmp_path: Path, name: str) -> None:
    started = time.monotonic()
    cells, _ = climb(tmp_path, {name: PLANTED[name]})
    cell = cells[name]
    assert (cell.outcome, cell.stage) == (Outcome.ERROR, Stage.LOAD)
    assert [check.id for check in cell.checks if not check.required] == ["network"]
    assert time.monotonic() - started < 10


def test_a_refusal_that_was_swallowed_is_recorded_and_decides_nothing_alone(tmp_path: Path) -> None:
    """The exception carries no refusal in its chain: what was raised stands, beside the note of the attempt."""
    cells, _ = climb(tmp_path, {"swallowed": PLANTED["swallowed"]})
    cell = cells["swallowed"]
    assert (cell.outcome, cell.exception) == (Outcome.BROKEN, "LookupError")
    assert any("192.0.2.1" in check.message for check in cell.checks if check.id == "network")


@pytest.mark.parametrize(("name", "said"), [("late", "ArithmeticError: too late"), ("hang-at-exit", "shut down")])
def test_trouble_on_the_way_out_is_told_and_changes_no_outcome(
    tmp_path: Path, name: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "EXIT_SECONDS", 2)
    cells, _ = climb(tmp_path, {name: PLANTED[name]})
    cell = cells[name]
    assert (cell.outcome, cell.stage, cell.exception) == (Outcome.BROKEN, Stage.LOAD, "LookupError")
    assert [said in check.message for check in cell.checks if check.id == "exit"] == [True]


def test_a_lazy_import_that_fails_counts_as_import_for_every_path_after_it(tmp_path: Path) -> None:
    cells, _ = climb(tmp_path, {"one": NEIGHBOUR, "two": NEIGHBOUR}, modules='("json", "no_such_module")')
    for cell in cells.values():
        assert (cell.outcome, cell.failed, cell.passed) == (Outcome.BROKEN, Stage.IMPORT, Stage.INSTALL)
        assert cell.exception == "ModuleNotFoundError"


@pytest.mark.parametrize(
    ("body", "exception"),
    [("import time; time.sleep(600)", "SilenceExceeded"), ("import ctypes; ctypes.string_at(0)", "ProcessKilled")],
)
def test_an_import_that_hangs_or_crashes_is_tried_once_more_and_named(
    tmp_path: Path, body: str, exception: str
) -> None:
    venv.create(tmp_path / "venv", symlinks=True)
    (packages,) = tmp_path.glob("venv/lib/python3*/site-packages")
    (packages / "planted_package.py").write_text(body, encoding="utf-8")
    bodies = {"one": NEIGHBOUR, "two": NEIGHBOUR}
    cells, _ = climb(tmp_path, bodies, modules='("planted_package",)', python=tmp_path / "venv" / "bin" / "python")
    for cell in cells.values():
        assert (cell.outcome, cell.failed, cell.exception) == (Outcome.BROKEN, Stage.IMPORT, exception)
        assert cell.evidence is not None
        assert cell.evidence.mode == "fresh"
