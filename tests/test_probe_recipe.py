"""A toolkit's commands in processes of their own: what each ending becomes, and what a recipe makes of it."""

from __future__ import annotations

import json
import time
import uuid
import wave
from array import array
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recipe_subject import subject
from waiting import comes, running_with

from asrcompat.probe import found
from asrcompat.probe.cell import Cell
from asrcompat.probe.declared import declared, requirements
from asrcompat.probe.recipes import command, data, espnet
from asrcompat.probe.record import Record

ROOT = Path(__file__).parent.parent

Tool = Callable[..., str]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Makes a module that can be run, of this name and text."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")

    def make(text: str, name: str = "tool") -> str:
        file = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return name

    return make


@pytest.fixture
def cell(tmp_path: Path) -> Cell:
    sound = tmp_path / "sound.f32"
    sound.write_bytes(array("f", [0.5, -0.5] * 800).tobytes())
    (tmp_path / "scratch").mkdir()
    settings = {
        "device": "cpu",
        "models": {"espnet-s3prl": "some/model"},
        "symbols": ["<blank>", "a"],
        "fixtures": str(ROOT / "fixtures"),
        "scratch": str(tmp_path / "scratch"),
        "fairseq": "",
        "seed": 1,
        "inputs": {"train": [{"file": str(sound), "text": "a"}] * 4},
        "limits": {"output_mb": 0.2},
        "findings": {"recipe": 60},
    }
    one = Cell("espnet-s3prl", ModuleType("path"), settings, Record(str(tmp_path / "record.jsonl")))
    one.climbing = False
    one.stage = "recipe"
    one.deadline = time.monotonic() + 30
    return one


def events(cell: Cell, kind: str) -> list[dict[str, Any]]:
    told = [json.loads(line) for line in Path(cell.record.path).read_text(encoding="utf-8").splitlines()]
    return [event for event in told if event["event"] == kind]


def checked(cell: Cell, module: str, *arguments: str) -> dict[str, Any]:
    cell.check("it", lambda: command.run(cell, module, list(arguments), cell.context.folder))
    return events(cell, "check")[-1]


def test_a_module_runs_as_with_python_m(tool: Tool, cell: Cell) -> None:
    body = "import os, sys; print(__name__, sys.argv[1:], sys.path[0] == os.getcwd(), 'entry' in sys.modules)"
    ran = command.run(cell, tool(body, "package.tool"), ["--one", "two three"], cell.context.folder)
    assert ran.output == "__main__ ['--one', 'two three'] True False\n"


@pytest.mark.parametrize(
    ("body", "outcome", "exception", "message"),
    [
        ("raise LookupError('as planted')", "failed", "LookupError", "tool: LookupError: as planted"),
        ("print('tool: error: no such option'); raise SystemExit(2)", "failed", "SystemExit", "no such option"),
        ("import ctypes; ctypes.string_at(0)", "failed", "ProcessKilled", "signal 11 (SIGSEGV)"),
        ("import os; os._exit(3)", "failed", "ProcessExited", "exit status 3"),
        ("raise MemoryError", "failed", "MemoryLimitExceeded", "under the limit of its memory"),
        ("import errno; raise OSError(errno.ENOSPC, 'full')", "error", "OSError", "full"),
        ("import socket; socket.create_connection(('192.0.2.1', 80))", "error", "NetworkRefused", "192.0.2.1"),
        ("import os; os.kill(os.getpid(), 9)", "skipped", None, "ended from outside by SIGKILL"),
        ("while True: print('x' * 10_000)", "failed", "OutputLimitExceeded", "more than 0.2 MB"),
        ("raise SystemExit(0)", "passed", None, ""),
    ],
)
def test_each_ending(tool: Tool, cell: Cell, body: str, outcome: str, exception: str | None, message: str) -> None:
    check = checked(cell, tool(body))
    assert check["outcome"] == outcome
    assert message in check["message"]
    assert (check["data"].get("exception") or "").rpartition(".")[2] == (exception or "")
    assert [event["target"] for event in events(cell, "network")] == (["192.0.2.1"] if "socket" in body else [])


def test_a_failure_carries_the_end_of_the_log(tool: Tool, cell: Cell) -> None:
    check = checked(cell, tool("for n in range(500): print('line', n)\nraise LookupError('as planted')"))
    lines = check["data"]["traceback"].splitlines()
    assert len(lines) == 40
    assert lines[-1] == "LookupError: as planted"


def test_a_command_ends_with_the_budget_and_nothing_of_it_lives_on(tool: Tool, cell: Cell) -> None:
    mark = f"# {uuid.uuid4()}"
    code = f"import time; time.sleep(77.5)  {mark}"
    body = f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {code!r}])\n"
    cell.deadline = time.monotonic() + 4
    check = checked(cell, tool(body + "open('began', 'w').close()\ntime.sleep(77.5)"))
    assert Path(cell.context.folder, "began").exists()
    assert (check["outcome"], "the budget is spent" in check["message"]) == ("skipped", True)
    assert comes(lambda: not running_with(mark), within=10), running_with(mark)
    assert checked(cell, "tool")["message"] == "the seconds for such findings are spent"


def test_a_silent_command_gives_signs_of_life(tool: Tool, cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_LIFE_SECONDS", 0.1)
    command.run(cell, tool("import time; time.sleep(1.5)"), [], cell.context.folder)
    assert {event["command"] for event in events(cell, "progress")} == {"tool"}


WANTS = """
import sys
for module, option in {wants}.items():
    if option not in sys.argv:
        raise ModuleNotFoundError("No module named %r" % module, name=module)
"""


@pytest.mark.parametrize(
    ("wants", "needs", "runs"),
    [
        ({}, [], True),
        ({"tensorboard": "--use_tensorboard"}, ["tensorboard"], True),
        ({"tensorboard": "--use_tensorboard", "matplotlib": "--num_att_plot"}, ["tensorboard", "matplotlib"], True),
        ({"editdistance": "report_cer=false"}, ["editdistance"], True),
        ({"tensorboard": "--no_such_option"}, ["tensorboard"], False),
        ({"six": "--no_such_option"}, ["six"], False),
    ],
)
def test_what_is_missing_is_remembered_and_done_without(
    tool: Tool, cell: Cell, wants: dict[str, str], needs: list[str], runs: bool
) -> None:
    tool(WANTS.format(wants=wants), espnet.TRAIN)
    commands = espnet.Espnet(cell, cell.context.folder)
    if runs:
        commands.train()
    else:
        with pytest.raises(command.CommandFailed, match="No module named"):
            commands.train()
    assert [need.module for need in commands.needs] == needs
    assert commands.ran == (["asr_train"] if runs else [])


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ("import no_such_module", "no_such_module"),
        (
            "try: import no_such_module\nexcept ImportError as e: raise RuntimeError('install it') from e",
            "no_such_module",
        ),
        ("try: import no_such_module\nexcept ImportError: raise LookupError('another matter')", None),
        ("raise LookupError('as planted')", None),
    ],
)
def test_a_module_is_missing_where_that_was_the_reason(tool: Tool, cell: Cell, body: str, missing: str | None) -> None:
    with pytest.raises(command.CommandFailed) as failed:
        command.run(cell, tool(body), [], cell.context.folder)
    assert failed.value.missing == missing


def test_what_was_done_without_once_is_not_asked_for_again(tool: Tool, cell: Cell) -> None:
    tool("open('runs', 'a').write('x')\n" + WANTS.format(wants={"tensorboard": "--use_tensorboard"}), espnet.TRAIN)
    commands = espnet.Espnet(cell, cell.context.folder)
    commands.train()
    commands.train()
    assert len((Path(cell.context.folder) / "runs").read_text(encoding="utf-8")) == 3


@pytest.mark.parametrize(
    ("module", "said"),
    [
        ("editdistance", "required"),
        ("matplotlib", "only in the extras all, train"),
        ("torch_optimizer", "only in the extras all"),
        ("six", "not declared"),
        ("edit", "not declared"),
    ],
)
def test_how_metadata_speaks_of_a_module(module: str, said: str) -> None:
    required = [
        "editdistance",
        "editdistance ==0.5.2 ; extra == 'all'",
        'matplotlib; extra == "train"',
        "matplotlib ; extra == 'all'",
        "torch-optimizer (>=0.1) ; extra == 'all'",
    ]
    assert declared(module, required) == said


def test_the_first_distribution_that_is_installed_is_asked() -> None:
    assert any(one.startswith("pluggy") for one in requirements("no-such-distribution", "pytest"))
    with pytest.raises(PackageNotFoundError, match="no-such-distribution or neither-this"):
        requirements("no-such-distribution", "neither-this")


@given(st.lists(st.floats(min_value=-2, max_value=2, width=32), min_size=1, max_size=50))
def test_sound_is_written_as_it_is_and_clipped(tmp_path_factory: pytest.TempPathFactory, samples: list[float]) -> None:
    file = tmp_path_factory.mktemp("sound") / "one.wav"
    data.write_wave(str(file), samples)
    with wave.open(str(file)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 16_000)
        values = array("h", sound.readframes(len(samples)))
    assert len(values) == len(samples)
    for value, sample in zip(values, samples, strict=True):
        assert value / 32_768 == pytest.approx(max(-1.0, min(32_767 / 32_768, sample)), abs=0.6 / 32_768)


def test_the_data_set_has_its_parts_as_espnet_wants_them(cell: Cell, tmp_path: Path) -> None:
    names = data.write(str(tmp_path / "data"), cell.settings["inputs"]["train"])
    assert {part: len(of_part) for part, of_part in names.items()} == {"train": 8, "valid": 2, "test": 4}
    for part, of_part in names.items():
        for index in ("wav.scp", "text", "utt2spk"):
            assert list(data.read_index(str(tmp_path / "data" / part / index))) == of_part
        assert all(Path(file).is_file() for file in data.read_index(str(tmp_path / "data" / part / "wav.scp")).values())


def test_an_empty_hypothesis_is_one(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("one \ntwo a b\nthree\n", encoding="utf-8")
    assert data.read_index(str(tmp_path / "text")) == {"one": "", "two": "a b", "three": ""}


def test_the_configuration_says_nothing_twice() -> None:
    text = espnet.configuration(str(ROOT / "fixtures"))
    keys = [line.partition(":")[0] for line in text.splitlines() if line and line[0].isalpha()]
    assert sorted(set(keys)) == sorted(keys)
    assert {"frontend", "encoder", "optim", "max_epoch"} <= set(keys)


STATS_ONLY = """
import sys, os
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if "--collect_stats" not in options:
    raise LookupError("as planted")
for part, count in (("train", {train}), ("valid", 2)):
    folder = os.path.join(options["--output_dir"], part)
    os.makedirs(folder)
    with open(os.path.join(folder, "speech_shape"), "w") as file:
        file.writelines("%s-%d 1600\\n" % (part, number) for number in range(count))
"""


@pytest.mark.parametrize(
    ("train", "outcomes"),
    [(8, {"stats": "passed", "train": "failed"}), (7, {"stats": "failed", "train": "skipped"})],
)
def test_what_follows_a_failure_is_skipped_and_says_so(
    tool: Tool, cell: Cell, train: int, outcomes: dict[str, str]
) -> None:
    tool(STATS_ONLY.format(train=train), espnet.TRAIN)
    cell.subject = subject()
    found.run(cell, stages=["recipe"])
    checks = {check["id"].removeprefix("recipe-"): check for check in events(cell, "check")}
    assert {name: checks[name]["outcome"] for name in outcomes} == outcomes
    assert {checks[name]["message"] for name in ("resume", "decode")} == {"recipe-train did not pass"}
    assert checks["as-installed"]["outcome"] == "skipped"
    assert not any(check["required"] for check in checks.values())
    assert list(Path(cell.context.folder).iterdir()) == []  # checkpoints are large
