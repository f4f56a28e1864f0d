"""What --help says can be done as it is said."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from asrcompat.arguments import parser
from asrcompat.cli import main
from asrcompat.command_help import COMMANDS, GROUPS
from asrcompat.options import parse


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_is_taken(name: str) -> None:
    told = COMMANDS[name]
    assert 2 <= len(told.examples) <= 3
    for example in told.examples:
        program, *words = shlex.split(example)
        assert program == "asrcompat"
        command, *_ = parse(words)
        assert command == name
    assert {0, 2} <= set(told.codes) <= {0, 1, 2, 3}


def test_every_command_stands_in_one_group() -> None:
    (commands,) = [action.choices for action in parser()._actions if action.dest == "command"]
    assert [name for group in GROUPS.values() for name in group] == list(commands or ())


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_a_terminal_and_tells_examples_and_exit_codes(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit) as left:
        main([*filter(None, [name]), "--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert "exit codes:" in said
    assert all(group in said for group in GROUPS) if not name else "examples:\n  asrcompat " in said
    assert "\x1b" not in said


def test_a_wrong_option_is_told_in_a_line_with_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["matrix", "--jobs", "0"])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("`asrcompat matrix --help` has examples")


def test_options_that_are_given_again_add_up() -> None:
    words = ["--paths", "a,b", "--paths", "c", "--paths", "a", "--devices", "cpu", "--devices", "cuda"]
    for name in ("matrix", "report", "merge"):
        folder = ["folder"] if name == "merge" else []
        _, options, _ = parse([name, *folder, *words, "--environments", "x*", "--environments", "y*"])
        assert options.paths == ("a", "b", "c")
        assert options.devices == ("cpu", "cuda")
        assert options.environments == ("x*", "y*")
    _, options, _ = parse(["matrix"])
    assert (options.paths, options.devices, options.environments) == ((), (), ())


def test_an_unknown_path_is_told_with_the_nearest_and_the_states(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["matrix", "--paths", "s3prl", "--work", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "unknown path 's3prl': did you mean 's3prl-hf'?" in said
    assert "@resaved" in said
    assert "published" not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["matrix", "--profil", "smoke"], "asrcompat matrix: it takes no '--profil', did you mean --profile?"),
        (["session", "x", "--jobs", "2"], "asrcompat session: it takes no '--jobs'"),
        (["report", "folder"], "asrcompat report: it takes no 'folder'"),
        (["matrx"], "asrcompat: argument COMMAND: invalid choice: 'matrx', did you mean 'matrix'? (choose from "),
        (["askk"], "asrcompat: argument COMMAND: invalid choice: 'askk', did you mean 'ask'? (choose from "),
        (["run"], "asrcompat: argument COMMAND: invalid choice: 'run' (choose from "),
        (["ask", "--numpy", "1"], "asrcompat ask: it takes no '--numpy'; "),
        (["ask", "--profile", "core"], "asrcompat ask: it takes no '--profile'; "),
        (["ask", "--transformer=4"], "asrcompat ask: it takes no '--transformer=4', did you mean --transformers?; "),
        (["ask", "torch==2.8"], "asrcompat ask: it takes no 'torch==2.8', versions are given as `--torch 2.8`; "),
        (["ask", "torch>=2.8"], "asrcompat ask: it takes no 'torch>=2.8', versions are given as `--torch '>=2.8'`; "),
        (["ask", "numpy==1"], "asrcompat ask: it takes no 'numpy==1'; "),
        (["matrix", "profile=core"], "asrcompat matrix: it takes no 'profile=core'; "),
    ],
)
def test_an_unknown_word_is_told_by_the_command_that_got_it(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith(said)
