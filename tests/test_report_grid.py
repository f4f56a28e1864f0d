"""Grids, and the legend of what stands in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from asrcompat.report import legend
from asrcompat.report.grid import Entry, Grid, Line, texts
from asrcompat.spec import STATES, known_paths


def make_grid(columns: int) -> Grid:
    """Make a grid of two lines, of which the first tells only of the first column."""
    quiet = Line(head=Entry(text="host"), entries=texts(*(["here"] + [""] * columns)[:columns]), quiet=True)
    line = Line(head=Entry(text="p"), entries=texts(*map(str, range(columns))))
    return Grid(corner="path", columns=texts(*map(str, range(columns))), lines=(quiet, line))


@given(st.integers(0, 60), st.integers(1, 20))
def test_blocks_hold_every_column_once_and_none_is_too_wide(columns: int, size: int) -> None:
    blocks = list(make_grid(columns).blocks(size))
    assert blocks
    assert all(len(block.columns) <= size for block in blocks)
    assert [column.text for block in blocks for column in block.columns] == [str(number) for number in range(columns)]
    assert all(len(line.entries) == len(block.columns) for block in blocks for line in block.lines)


def test_blocks_are_of_about_the_same_width() -> None:
    assert [len(block.columns) for block in make_grid(13).blocks(12)] == [7, 6]


def test_what_explains_no_column_of_a_block_is_left_out() -> None:
    first, second = make_grid(4).blocks(2)
    assert [line.head.text for line in first.lines] == ["host", "p"]
    assert [line.head.text for line in second.lines] == ["p"]


def test_every_path_is_described_by_its_own_file() -> None:
    told = dict(legend.paths(known_paths()))
    assert set(told) == set(known_paths())
    assert all(text and "``" not in text and "\n" not in text for text in told.values())
    assert legend.paths(["no-such-path"]) == ()


def test_states_are_told_where_there_are_any() -> None:
    assert legend.states(["s3prl-hf"]) == ()
    ((name, meaning),) = legend.states(["s3prl-hf@resaved", "transformers@resaved", "x@strange"])
    assert (name, meaning) == ("path@resaved", STATES["resaved"])
