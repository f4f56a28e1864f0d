"""Progress is whole lines where nothing moves, and a display where a terminal is; a package's text moves neither."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import threading

import pytest

from asrcompat.run.board import Board
from asrcompat.run.console import console, moves
from asrcompat.run.progress import RELAY_VARIABLE, Progress

pty = pytest.importorskip("pty")

TWO = """
from asrcompat.run.progress import Progress
from asrcompat.run.console import console
progress = Progress()
with progress.showing(["a", "b"]):
    progress.tell("a: resolve")
    progress.tell("a: install: 3 packages; if none is cached, 1 GB to download")
    progress.tell("b: s3prl-hf on cpu: broken at load: \\x1b[2Jevil\\rtext")
    print("somebody else's line")
    progress.tell("a: kept in a.json")
console().print("over", style="red")
"""


def plain_environment(**variables: str) -> dict[str, str]:
    unset = ("NO_COLOR", "FORCE_COLOR", "CI", "TERM", "COLORTERM", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
    return {**{name: value for name, value in os.environ.items() if name not in unset}, **variables}


LATIN = """
import time
from asrcompat.report.terminal import render_table
from asrcompat.run.console import console
from asrcompat.run.progress import Progress
progress = Progress()
name = "environment-" + "x" * 100
with progress.showing([name]):
    progress.tell(name + ": waits for \u0939\u093f\u0928\u094d\u0926\u0940 " + "y" * 200)
    time.sleep(0.6)
    progress.tell("\u0939 -> \u2713 \u2192 caf\u00e9")
print("\u2713 by itself")
import sys; sys.path.insert(0, "tests")
from factories import make_results
render_table(make_results(), console())
"""


def in_a_terminal(code: str, *, encoding: str = "utf-8", **variables: str) -> str:
    """What a program writes to a terminal."""
    main, side = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=side, stderr=side, stdin=side, env=plain_environment(**variables)
    ) as process:
        os.close(side)
        said = b""
        while select.select([main], [], [], 60)[0]:
            try:
                piece = os.read(main, 65536)
            except OSError:  # Linux says so when the other side is gone
                break
            if not piece:
                break
            said += piece
        assert process.wait(60) == 0, said
    os.close(main)
    return said.decode(encoding)


def in_a_pipe(code: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=plain_environment(**variables)
    )
    return done.stdout


def test_a_terminal_shows_what_is_worked_at_and_is_given_back_as_it_was() -> None:
    said = in_a_terminal(TWO, TERM="xterm-256color")
    assert "0 of 2 environments done, 1 at work" in said
    assert "installing" in said
    assert said.count("\x1b[?25l") == said.count("\x1b[?25h") > 0, "the cursor comes back"
    assert "] a: resolve" not in said, "the display tells that"
    assert re.search(r"s\] b: s3prl-hf on cpu: broken at load: evil", said)
    assert "\x1b[2J" not in said
    assert "somebody else's line" in said
    assert "\x1b[31mover" in said


def drawn_in_ascii(said: str) -> bool:
    """Whether what such a terminal lacks is told by the sign that stands for it, once for each character."""
    return "+ by itself" in said and "? -> + > caf" in said and "+--" in said and "x stage: broken" in said


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
def test_a_terminal_that_is_not_utf_8_is_drawn_in_what_it_has(encoding: str) -> None:
    said = in_a_terminal(LATIN, encoding=encoding, TERM="xterm-256color", PYTHONIOENCODING=encoding, COLUMNS="100")
    assert "0 of 1 environments done, 1 at work" in said
    assert re.search(r"[-\\|/] *environment-x+ waiting", re.sub(r"\x1b\[[\d;]*m", "", said)), (
        "the spinner of a terminal that has no dots"
    )
    assert drawn_in_ascii(said), said


def test_a_pipe_that_is_not_utf_8_gets_all_lines() -> None:
    code = LATIN + "from asrcompat.answering import answer; answer({'a': '\u2713'})"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, env=plain_environment(PYTHONIOENCODING="latin-1")
    )
    said = done.stdout.decode("latin-1")
    assert drawn_in_ascii(said), said
    assert '"a": "\\u2713"' in said, "what a program reads loses nothing"


@pytest.mark.parametrize(
    "variables",
    [
        {"TERM": "dumb"},
        {"TERM": "xterm-256color", "NO_COLOR": "1"},
        {"TERM": "xterm-256color", "NO_COLOR": "1", "FORCE_COLOR": "1"},
    ],
)
def test_a_terminal_that_is_to_stay_plain_gets_lines_alone(variables: dict[str, str]) -> None:
    said = in_a_terminal(TWO, **variables)
    assert "\x1b" not in said
    assert re.search(r"s\] a: resolve\r?\n", said)
    assert "1 of 2 environments done" in said


def test_ci_gets_lines_in_a_terminal_too() -> None:
    said = in_a_terminal(TWO, TERM="xterm-256color", CI="true")
    assert "at work" not in said
    assert "] a: resolve" in said


def test_a_pipe_gets_whole_lines_without_a_control_sequence() -> None:
    said = in_a_pipe(TWO)
    lines = [re.sub(r"^\[ *\d+\.\d s\] ", "", line) for line in said.splitlines()]
    assert lines == [
        "a: resolve",
        "a: install: 3 packages; if none is cached, 1 GB to download",
        "b: s3prl-hf on cpu: broken at load: evil",
        "    text",
        "somebody else's line",
        "a: kept in a.json",
        "1 of 2 environments done",
        "over",
    ]


def test_colours_in_a_pipe_are_for_who_asks() -> None:
    assert "\x1b[31mover" in in_a_pipe(TWO, FORCE_COLOR="1", TERM="xterm")
    assert "\x1b" not in in_a_pipe(TWO, FORCE_COLOR="1", NO_COLOR="1", TERM="xterm")
    assert "at work" not in in_a_pipe(TWO, FORCE_COLOR="1", TERM="xterm"), "a pipe cannot be printed over"


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(quiet=True)
    with progress.showing(["a"]):
        progress.tell("a: resolve")
        progress.move("a", "resolved")
    assert capsys.readouterr().out == ""


def test_lines_of_many_threads_stay_whole(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    names = [f"environment-{number}" for number in range(8)]

    def session(name: str) -> None:
        for number in range(50):
            progress.tell(f"{name}: event {number}\nof two lines")

    with progress.showing(names):
        threads = [threading.Thread(target=session, args=(name,)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 * 8 * 50
    assert all(re.fullmatch(r"\[ *\d+\.\d s\] environment-\d: event \d+", line) for line in lines[::2])
    assert set(lines[1::2]) == {"    of two lines"}


def test_a_text_of_several_lines_comes_through_a_session_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(RELAY_VARIABLE, "1")
    session = Progress()
    with session.showing(["a"]):
        session.tell("a: uv said:\nfirst\x1e\n\x1b[31msecond")
    line, nothing = capsys.readouterr().out.split("\n")
    assert not nothing
    monkeypatch.delenv(RELAY_VARIABLE)
    Progress().relay(line)
    said = capsys.readouterr().out
    assert said.splitlines()[1:] == ["    first", "    second"]
    assert said.endswith("    second\n")


def test_what_is_no_terminal_neither_moves_nor_has_colours(capsys: pytest.CaptureFixture[str]) -> None:
    assert not moves()
    assert console().color_system is None


def test_another_name_of_an_environment_is_not_another_environment() -> None:
    """As `matrix` has two: the name as of a day, and that by which the scheduler goes."""
    progress = Progress()
    with progress.showing(["a-as-of-x"], also={"a": "a-as-of-x"}):
        board = progress._board
        assert board is not None
        progress.tell("a: its session ended with code 3:\n")
        assert (board.done, board.count) == (1, 1)
    assert progress._board is None


def test_a_board_is_not_taken_away_while_another_thread_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, over = threading.Event(), threading.Event()
    failed: list[AttributeError] = []

    looked: list[None] = []

    def done(_: Board) -> int:
        looked.append(None)
        if len(looked) > 1:  # it was found to be there, and is looked at once more after this
            asked.set()
            over.wait(0.5)  # while this lasts, what shows it ends
        return len(looked)

    progress = Progress()
    monkeypatch.setattr(Board, "done", property(done))

    def tell() -> None:
        try:
            progress.tell("some: resolve")
        except AttributeError as error:
            failed.append(error)

    with progress.showing(["some", "other"]):
        teller = threading.Thread(target=tell)
        teller.start()
        assert asked.wait(5)
    over.set()
    teller.join(5)
    assert failed == []


class Ending(Progress):
    """Progress of which another thread takes the board away as soon as it was looked at."""

    looked = 0

    @property
    def _board(self) -> Board | None:
        self.looked += 1
        return self._shown if self.looked == 1 else None

    @_board.setter
    def _board(self, board: Board | None) -> None:
        self._shown = board


def test_what_moves_a_display_may_come_as_it_ends() -> None:
    progress = Ending()
    board = Board(["some"])
    progress._board = board
    progress.move("some", "resolve")
    assert [row.name for row in board.rows()] == ["some"]
