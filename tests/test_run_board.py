"""How far environments are, by what their sessions tell."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from conftest import ROOT
from miniature import MiniatureIndex
from small_checkout import command, environment, make_checkout, run
from small_run import NEW, OLD, index
from test_kill import SLOW_S3PRL
from test_run_progress import in_a_terminal
from tiny_lab import package

from asrcompat.run.board import Board, Phase

__all__ = ["index"]  # a fixture


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("said", "phase", "detail"),
    [
        ("resolve", Phase.RESOLVING, ""),
        (
            "waits for another session of this environment",
            Phase.WAITING,
            "waits for another session of this environment",
        ),
        ("install: 143 packages; if none is cached, 2.1 GB to download", Phase.INSTALLING, "143 packages; if none is"),
        ("install: already there", Phase.PROBING, "prepares"),
        ("install: done (12 s)", Phase.PROBING, "prepares"),
        ("s3prl-hf on cpu: import s3prl.hub", Phase.PROBING, "s3prl-hf on cpu: import s3prl.hub"),
        ("s3prl-hf@resaved-5 on cuda: forward passed (1.2 s)", Phase.PROBING, "s3prl-hf@resaved-5 on cuda: backward"),
        ("s3prl-hf on cpu: train passed (9.0 s)", Phase.PROBING, "s3prl-hf on cpu: findings"),
        ("begins on tcp://10.0.0.1:1", Phase.WAITING, "on tcp://10.0.0.1:1"),
    ],
)
def test_what_a_session_says_is_what_it_is_at(said: str, phase: Phase, detail: str) -> None:
    board = Board(["a", "b"])
    assert board.take(f"a: {said}")
    (row,) = board.rows()
    assert (row.name, row.phase) == ("a", phase)
    assert row.detail.startswith(detail)
    assert board.done == 0


@pytest.mark.parametrize(
    "said",
    [
        "a: s3prl-hf on cpu: works at train",
        "a: s3prl-hf on cpu: forward failed at loss",
        "c: resolve",
        "disk: 3.0 GB taken",
        "to run: 2 environments",
        "no colon",
    ],
)
def test_what_is_an_event_moves_nothing(said: str) -> None:
    board = Board(["a", "b"])
    assert not board.take(said)
    assert board.rows() == []


def test_it_counts_what_is_done_and_since_when_the_rest_is_worked_at() -> None:
    clock = Clock()
    board = Board(["a", "b", "c"], also={"b-today": "b"}, clock=clock)
    board.take("b: resolve")
    clock.now = 5
    board.take("a: resolve")
    board.take("b: install: done (4 s)")
    assert [(row.name, row.since) for row in board.rows()] == [("b", 0), ("a", 5)]
    assert not board.take("a: kept in results/a.json"), "an end is an event"
    board.take("b-today: its session ended with code 3:\nTraceback")
    assert (board.done, board.count, board.rows()) == (2, 3, [])
    board.take("a: resolve")
    assert board.done == 1, "it runs once more"


def test_what_is_fetched_ahead_is_shown_until_it_is_there() -> None:
    board = Board(["a", "b"])
    board.take("a: install: done (4 s)")
    board.take("b: is fetched ahead; if none is cached, 2.1 GB")
    assert [(row.name, row.phase, row.detail) for row in board.rows()][1:] == [("b", Phase.FETCHING, "2.1 GB")]
    board.take("b: was fetched ahead")
    assert [row.name for row in board.rows()] == ["a"]


def test_without_names_it_shows_what_is_told_of_last() -> None:
    board = Board(None)
    board.take("base+change: install: done (4 s)")
    board.take("base+other: resolve")
    assert [row.name for row in board.rows()] == ["base+other"]
    assert (board.count, board.done) == (0, 0)
    assert not board.take("with a change: install: 3 packages")


def told(file: Path) -> set[str]:
    """The texts in a module, those in f-strings with a stand-in for what is put in."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            found.add("".join(str(one.value) if isinstance(one, ast.Constant) else "X" for one in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found


@pytest.mark.parametrize(
    ("module", "text", "said", "phase"),
    [
        ("run/watch", "import X", "s3prl-hf on cpu: import X", Phase.PROBING),
        ("run/watch", "X passed (X s)", "s3prl-hf on cpu: load passed (X s)", Phase.PROBING),
        ("run/cells", "X on X: X", "X on X: import X", Phase.PROBING),
        ("run/ahead", "X: is fetched ahead; if none is cached, X", "", Phase.FETCHING),
        ("run/ahead", "X: was fetched ahead", "", None),
        ("run/ahead", "X: could not be fetched ahead: X", "", None),
        ("running/turns", "X: its session ended with code X:\nX", "", Phase.DONE),
        ("running/cluster", "X: begins on X", "", Phase.WAITING),
        ("running/cluster", "X: its session on X ended with code X:\nX", "", Phase.DONE),
        ("running/cluster", "X: given up after X tries: X", "", Phase.DONE),
    ],
)
def test_modules_still_say_what_the_table_knows(module: str, text: str, said: str, phase: Phase | None) -> None:
    """The table reads other modules' words: who says them as a whole, of those that no miniature run says."""
    assert text in told(ROOT / "asrcompat" / f"{module}.py")
    board = Board(["X"])
    moved = board.take(f"X: {said}" if said else text)
    assert moved is (phase is not Phase.DONE)
    assert ([row.phase for row in board.rows()], board.done) == {
        Phase.DONE: ([], 1),
        None: ([], 0),
    }.get(phase, ([phase], 0))


@pytest.fixture
def checkout(tmp_path: Path, index: MiniatureIndex) -> Path:
    package(index, "s3prl", "0.4.15", SLOW_S3PRL)
    return make_checkout(tmp_path, index)


def test_the_lines_of_a_real_run_move_its_environments_through_every_phase(checkout: Path) -> None:
    code, said = run(checkout, command(checkout))
    assert code == 0, said
    assert "2 of 2 environments done" in said
    board = Board([OLD, NEW])
    seen: dict[str, list[Phase]] = {OLD: [], NEW: []}
    for line in said.splitlines():
        board.take(re.sub(r"^\[ *[\d.]+ s\] ", "", line))
        for row in board.rows():
            if row.phase not in seen[row.name]:
                seen[row.name].append(row.phase)
    assert set(map(tuple, seen.values())) == {(Phase.RESOLVING, Phase.INSTALLING, Phase.PROBING)}
    assert (board.done, board.rows()) == (2, [])


def test_on_a_terminal_a_real_run_counts_what_is_resolved_and_what_is_done(checkout: Path) -> None:
    words, variables = command(checkout), {**environment(checkout), "TERM": "xterm-256color"}
    variables = {name: value for name, value in variables.items() if name not in ("CI", "NO_COLOR", "FORCE_COLOR")}
    code = f"import subprocess, sys; sys.exit(subprocess.call({words!r}, cwd={str(checkout)!r}, env={variables!r}))"
    said = in_a_terminal(code)
    assert re.search(r"\d of 2 environments resolved, \d at work", said), said
    assert "2 of 2 environments done, 0 at work" in said, said
    assert re.search(r"probing.* on cpu: ", said), said  # an installation may be over before the board is drawn again
