"""How far environments are, by what their sessions tell."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from conftest import ROOT

from asrcompat.run.board import Board, Phase


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


def told(file: Path) -> str:
    """The texts in a module, those in f-strings with a stand-in for what is put in."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.JoinedStr):
            found.append("".join(str(one.value) if isinstance(one, ast.Constant) else "X" for one in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(node.value)
    return "\n".join(found)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("tasks", ["resolve", "kept in X"]),
        ("run/session", ["install: X packages", "install: already there", "install: done (X s)"]),
        ("run/watch", ["import X", "X passed (X s)"]),
        ("run/cells", ["X on X: X"]),
        (
            "run/ahead",
            ["X: is fetched ahead; if none is cached, X", "X: was fetched ahead", "could not be fetched ahead"],
        ),
        ("running/turns", ["its session ended with code X"]),
        ("running/cluster", ["begins on X", "its session on X ended with code X"]),
    ],
)
def test_sessions_still_say_what_the_table_knows(module: str, words: list[str]) -> None:
    """The table reads other modules' words: here is who says them."""
    text = told(ROOT / "asrcompat" / f"{module}.py")
    assert [word for word in words if word not in text] == []
