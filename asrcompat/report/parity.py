"""Whose features a path gives: how far they are from the references, path by path and environment by environment."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asrcompat.model import Cell, Check
from asrcompat.report.environments import EnvironmentRow
from asrcompat.report.grid import Entry, Grid, Line, Section, texts
from asrcompat.report.table import by_path, devices, paths

_NONE = Entry(text="\N{EN DASH}", kind="absent")
_ABOUT_SHAPES = "Frames are for the longest utterance of the batch; lengths are of each utterance."


def parity(cells: Sequence[Cell], environments: Sequence[EnvironmentRow]) -> tuple[Section, ...]:
    """Give the tables of features: against the harness's reference, against the environment's own, shapes, padding."""
    shown, _ = devices(cells)
    return tuple(
        section
        for device in shown
        for section in _of_device(
            [cell for cell in cells if cell.device is device], environments, f" on {device}" if len(shown) > 1 else ""
        )
    )


def _of_device(cells: Sequence[Cell], environments: Sequence[EnvironmentRow], on: str) -> Iterator[Section]:
    for title, about, identity in _COMPARISONS:
        if any(_data(cell, identity).get("follows") for cell in cells):
            grid = _compared(cells, environments, identity)
            yield Section(title=title + on, about=about.format(tolerance=_tolerance(cells)), grid=grid)
    if any(_data(cell, "batch-against-alone") for cell in cells):
        measured = [cell.path for cell in cells if _data(cell, "batch-against-alone")]
        grid = by_path([cell for cell in cells if cell.path in measured], environments, _padding)
        yield Section(title=_PADDING + on, about=_ABOUT_PADDING, grid=grid)
    if any(cell.features for cell in cells):
        yield Section(title="Width, frames and lengths" + on, about=_ABOUT_SHAPES, grid=_shapes(cells))


def _tolerance(cells: Sequence[Cell]) -> str:
    known = (_data(cell, "parity").get("tolerance") for cell in cells)
    distinct = dict.fromkeys(f"{value:g}" for value in known if isinstance(value, int | float))
    return f"; the tolerance is {', '.join(distinct)}" if distinct else ""


def _compared(cells: Sequence[Cell], environments: Sequence[EnvironmentRow], identity: str) -> Grid:
    """What a path follows stands before its differences, and beside one where its environments disagree."""
    followed = {path: _followed(cells, path, identity) for path in paths(cells)}

    def tell(cell: Cell) -> Entry:
        data = _data(cell, identity)
        difference, follows = data.get("parity"), str(data.get("follows") or "")
        if not follows:
            return _NONE
        figure = f"{difference:.1e}" if isinstance(difference, int | float) else "not a number"
        text = figure if len(followed[cell.path]) == 1 else f"{follows} {figure}"
        return Entry(text=text, kind="broken" if follows == "neither" else "told")

    grid = by_path(cells, environments, tell)
    lines = tuple(
        dataclasses.replace(line, entries=(Entry(text=" / ".join(followed[line.head.text])), *line.entries))
        for line in grid.lines
        if followed[line.head.text]
    )
    return Grid(corner=grid.corner, columns=(Entry(text="follows"), *grid.columns), lines=lines)


def _followed(cells: Sequence[Cell], path: str, identity: str) -> tuple[str, ...]:
    found = (str(_data(cell, identity).get("follows") or "") for cell in cells if cell.path == path)
    return tuple(dict.fromkeys(filter(None, found)))


def _padding(cell: Cell) -> Entry:
    data = _data(cell, "batch-against-alone")
    difference, spread = data.get("difference"), data.get("spread")
    if not isinstance(difference, int | float) or not isinstance(spread, int | float):
        return _NONE
    return Entry(text=f"{difference:.2g} of {spread:.2g}", kind="told")


def _shapes(cells: Sequence[Cell]) -> Grid:
    """One line per path; where environments differ, all values are told."""
    facts = (("width", _width), ("frames", _frames), ("lengths reported", _reported), ("whole frames", _whole))
    lines = []
    for path in paths(cells):
        own = [cell for cell in cells if cell.path == path and cell.features]
        told = [" / ".join(dict.fromkeys(filter(None, map(fact, own)))) for _, fact in facts]
        if own:
            lines.append(Line(head=Entry(text=path), entries=texts(*told)))
    return Grid(corner="path", columns=texts(*(name for name, _ in facts)), lines=tuple(lines))


def _width(cell: Cell) -> str:
    return "" if cell.features is None or cell.features.width is None else str(cell.features.width)


def _frames(cell: Cell) -> str:
    return "" if cell.features is None or cell.features.frames is None else str(cell.features.frames)


def _reported(cell: Cell) -> str:
    return _list(cell, "reported")


def _whole(cell: Cell) -> str:
    return _list(cell, "true")


def _list(cell: Cell, name: str) -> str:
    values = _data(cell, "lengths").get(name)
    return ", ".join(map(str, values)) if isinstance(values, list | tuple) else ""


def _data(cell: Cell, identity: str) -> Mapping[str, Any]:
    found: Check | None = next((check for check in cell.checks if check.id == identity), None)
    return {} if found is None else found.data


_ABOUT_REFERENCE = (
    "Which reference a path follows (that on raw input, on prepared input, both or neither), and the largest absolute "
    "difference from it in each environment, over all hidden states and the frames that both have. The reference is "
    "computed by the harness from the checkpoint's file{tolerance}. \N{EN DASH}: it did not come so far."
)
_ABOUT_PATH = "The same against the features that the reference path gives in the same environment{tolerance}."
_ABOUT_PADDING = (
    "How far padding moves the last hidden state of the shorter utterance, of the spread of its values: a "
    "property of the model, told and not judged."
)

_PADDING = "A batch against one utterance alone"

_COMPARISONS = (
    ("Against the harness's reference", _ABOUT_REFERENCE, "parity"),
    ("Against the environment's own reference path", _ABOUT_PATH, "parity-path"),
)
