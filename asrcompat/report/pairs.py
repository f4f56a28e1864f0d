"""A picture of the pairs that were covered: a square for each two axes' values, in a staircase, as places on a drawing.

What it shows stands in the tables below it as well; the picture is for seeing where the holes are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asrcompat.report.coverage import CoverageView, PairTable

_SIDE, _GAP, _LETTER, _LABEL = 22, 8, 7, 200
_KINDS = {"works": ("works", "✓"), "broken": ("broken", "✗"), "absent": ("absent", "·")}
_UNCOVERED = ("uncovered", "?")


@dataclass(frozen=True, kw_only=True)
class Square:
    """One pair: its place, what it is coloured by, its sign, and what it says."""

    x: int
    y: int
    kind: str
    sign: str
    told: str


@dataclass(frozen=True, kw_only=True)
class Label:
    """A value's name at the side or, turned, on top."""

    x: int
    y: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The whole drawing; `told` counts its squares in words."""

    width: int
    height: int
    side: int
    squares: tuple[Square, ...]
    rows: tuple[Label, ...]
    columns: tuple[Label, ...]
    told: str


def picture(covered: CoverageView) -> Picture | None:
    """Draw the pairs; None where there are none."""
    axes = [axis for axis, _ in covered.axes]
    tables = dict(zip(_pairs(axes), covered.tables, strict=True))
    if not tables:
        return None
    values = _values(axes, tables)
    left = min(_LABEL, _LETTER * max(len(text) for axis in axes[1:] for text in _named(axis, values[axis]))) + _GAP
    top = min(_LABEL, _LETTER * max(len(text) for axis in axes[:-1] for text in _named(axis, values[axis]))) + _GAP
    x_of, width = _places(axes[:-1], values, left)
    y_of, height = _places(axes[1:], values, top)
    squares = tuple(
        _square(x_of[one] + _SIDE * across, y_of[other] + _SIDE * down, f"{one} {value} with {other} {another}", entry)
        for (one, other), table in tables.items()
        for across, (value, line) in enumerate(zip(values[one], table.grid.lines, strict=True))
        for down, (another, entry) in enumerate(
            zip(values[other], [(each.kind, each.text) for each in line.entries], strict=True)
        )
    )
    return Picture(
        width=width,
        height=height,
        side=_SIDE - 2,
        squares=squares,
        rows=tuple(
            Label(x=left - _GAP, y=y_of[axis] + _SIDE * at, text=text)
            for axis in axes[1:]
            for at, text in enumerate(_named(axis, values[axis]))
        ),
        columns=tuple(
            Label(x=x_of[axis] + _SIDE * at, y=top - _GAP, text=text)
            for axis in axes[:-1]
            for at, text in enumerate(_named(axis, values[axis]))
        ),
        told=_told(squares),
    )


def _pairs(axes: Sequence[str]) -> list[tuple[str, str]]:
    return [(one, other) for at, one in enumerate(axes) for other in axes[at + 1 :]]


def _values(axes: Sequence[str], tables: dict[tuple[str, str], PairTable]) -> dict[str, list[str]]:
    """The values of each axis, as the tables have them."""
    first = axes[0]
    values = {first: [line.head.text for line in tables[first, axes[1]].grid.lines]}
    return values | {axis: [one.text for one in tables[first, axis].grid.columns] for axis in axes[1:]}


def _named(axis: str, values: Sequence[str]) -> list[str]:
    return [f"{axis} {value}" for value in values]


def _places(axes: Sequence[str], values: dict[str, list[str]], start: int) -> tuple[dict[str, int], int]:
    """Where each axis begins, and where the last one ends."""
    found = {}
    for axis in axes:
        found[axis] = start
        start += _SIDE * len(values[axis]) + _GAP
    return found, start


def _square(x: int, y: int, pair: str, entry: tuple[str, str]) -> Square:
    kind, sign = _KINDS.get(entry[0], _UNCOVERED)
    return Square(x=x, y=y, kind=kind, sign=sign, told=f"{pair}: {entry[1]}")


def _told(squares: Sequence[Square]) -> str:
    counts = {kind: sum(one.kind == kind for one in squares) for kind in ("works", "broken", "uncovered", "absent")}
    return (
        f"Of {len(squares)} pairs {counts['works']} were seen working, {counts['broken']} ran and did not work, "
        f"{counts['uncovered']} have no verdict, {counts['absent']} cannot be."
    )
