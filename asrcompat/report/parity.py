"""Whose features a path gives: how far they are from the references, path by path, and in which environments."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asrcompat.model import Cell, Check
from asrcompat.report.grid import Entry, Grid, Line, Section, texts
from asrcompat.report.table import devices, paths
from asrcompat.report.where import counted

_ABOUT_SHAPES = "Frames are for the longest utterance of the batch; lengths are of each utterance."


def parity(cells: Sequence[Cell], numbers: Mapping[str, int]) -> tuple[Section, ...]:
    """Give the tables of features: against the harness's reference, against the environment's own, shapes, padding."""
    shown, _ = devices(cells)
    return tuple(
        section
        for device in shown
        for section in _of_device(
            [cell for cell in cells if cell.device is device], numbers, f" on {device}" if len(shown) > 1 else ""
        )
    )


def _of_device(cells: Sequence[Cell], numbers: Mapping[str, int], on: str) -> Iterator[Section]:
    for title, about, identity in _COMPARISONS:
        if lines := [line for path in paths(cells) for line in _compared(cells, path, identity, numbers)]:
            columns = texts("follows", "largest difference", "environments")
            grid = Grid(corner="path", columns=columns, lines=tuple(lines))
            yield Section(title=title + on, about=about.format(tolerance=_tolerance(cells)), grid=grid)
    if lines := [line for path in paths(cells) for line in _padding(cells, path, numbers)]:
        columns = texts("moves by", "of a spread of", "environments")
        grid = Grid(corner="path", columns=columns, lines=tuple(lines))
        yield Section(title=_PADDING + on, about=_ABOUT_PADDING, grid=grid)
    if any(cell.features for cell in cells):
        yield Section(title="Width, frames and lengths" + on, about=_ABOUT_SHAPES, grid=_shapes(cells))


def _tolerance(cells: Sequence[Cell]) -> str:
    known = (_data(cell, "parity").get("tolerance") for cell in cells)
    distinct = dict.fromkeys(f"{value:g}" for value in known if isinstance(value, int | float))
    return f"; the tolerance is {', '.join(distinct)}" if distinct else ""


def _compared(cells: Sequence[Cell], path: str, identity: str, numbers: Mapping[str, int]) -> Iterator[Line]:
    """A line for each reference that a path follows: mostly it is one, and the difference hardly varies."""
    groups: dict[str, list[tuple[Any, str]]] = {}
    for cell in cells:
        data = _data(cell, identity)
        if cell.path == path and data.get("follows"):
            padded = str(data.get("padded") or "masked")
            followed = f"{data['follows']}{_PADDED.get(padded, '')}"
            groups.setdefault(followed, []).append((data.get("parity"), cell.environment))
    for follows, found in groups.items():
        differences, where = zip(*found, strict=True)
        kind = "broken" if follows.startswith("neither") else ""
        told = texts(_span(differences, ".1e"), counted(where, numbers))
        yield Line(head=Entry(text=path), entries=(Entry(text=follows, kind=kind), *told))


def _padding(cells: Sequence[Cell], path: str, numbers: Mapping[str, int]) -> Iterator[Line]:
    found = {cell.environment: _data(cell, "batch-against-alone") for cell in cells if cell.path == path}
    figures = {at: (data.get("difference"), data.get("spread")) for at, data in found.items()}
    measured = {at: both for at, both in figures.items() if all(map(_is_number, both))}
    if measured:
        spans = (_span(values, ".2g") for values in zip(*measured.values(), strict=True))
        yield Line(head=Entry(text=path), entries=texts(*spans, counted(measured, numbers)))


def _span(values: Sequence[Any], form: str) -> str:
    """The least and the largest, as one where they look the same; what is no number is said to be none."""
    numbers = sorted(value for value in values if _is_number(value))
    ends = dict.fromkeys(format(value, form) for value in (numbers[:1] + numbers[-1:]))
    odd = ["not a number"] if len(numbers) < len(values) else []
    return " or ".join(filter(None, [" to ".join(ends), *odd]))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


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
    "Which reference a path follows (that on raw input, on prepared input, both or neither; some make no mask of the "
    "padding, and are compared with the reference that has none), and the largest absolute "
    "difference from it, over all hidden states and the frames that both have; from the least to the largest over the "
    "environments in which it came so far. The reference is computed by the harness from the checkpoint's "
    "file{tolerance}."
)
_ABOUT_PATH = "The same against the features that the reference path gives in the same environment{tolerance}."
_ABOUT_PADDING = (
    "How far padding moves the last hidden state of the shorter utterance, of the spread of its values: a "
    "property of the model, told and not judged."
)

_PADDED = {"unmasked": ", without a mask", "neither": ", padded utterances with no reference"}
_PADDING = "A batch against one utterance alone"

_COMPARISONS = (
    ("Against the harness's reference", _ABOUT_REFERENCE, "parity"),
    ("Against the environment's own reference path", _ABOUT_PATH, "parity-path"),
)
