"""The page's main table: a line for each environment, a column for each version and each way to load the checkpoint.

Hundreds of environments are read down, not across; the page's script filters and sorts these lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from packaging.version import Version

from asrcompat.advice.candidate import parsed
from asrcompat.model import Cell, Device, Outcome
from asrcompat.report import words
from asrcompat.report.environments import TITLES, EnvironmentRow
from asrcompat.report.failures import Failure
from asrcompat.report.grid import NOT_ASKED, Entry, Target
from asrcompat.report.table import devices, paths
from asrcompat.report.where import Key, label

_SHORT = ("torch", "transformers", "s3prl", "espnet-s3prl", "espnet", "fairseq")


@dataclass(frozen=True, kw_only=True)
class Place:
    """One place of the table; `cause` names its failure, if any, the same from report to report."""

    entry: Entry
    cause: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """An environment: its versions under the table's titles, and what became of each path."""

    row: EnvironmentRow
    versions: tuple[str, ...]
    also: str
    places: tuple[Place, ...]

    @property
    def short(self) -> tuple[str, ...]:
        """The versions that matter most and what was asked for besides, where there is no room for their columns."""
        found = {name: version for name, version in self.row.found if version}
        versions = (f"{name} {found[name]}" for name in _SHORT if name in found)
        return (*versions, *filter(None, self.also.split(", ")))


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What can be chosen in one field: a value and what it says."""

    name: str
    title: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """The table, and what can be chosen of it."""

    titles: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    choices: tuple[Choice, ...]


def matrix(
    cells: Sequence[Cell],
    environments: Sequence[EnvironmentRow],
    failures: Sequence[Failure],
    *,
    targets: Mapping[Key, Target],
    marks: Mapping[Key, str],
) -> Matrix:
    """Lay the table out; devices on which nothing ran have no columns."""
    shown, _ = devices(cells)
    columns = [(path, device) for device in shown for path in paths([one for one in cells if one.device is device])]
    at = {cell.key: cell for cell in cells}
    causes = {cell.key: name_of(failure) for failure in failures for cell in failure.cells}
    versions = {row.environment.id: row.versions for row in environments}
    used = [place for place, _ in enumerate(TITLES) if any(line[place] for line in versions.values())]
    rows = tuple(
        Row(
            row=row,
            versions=tuple(versions[row.environment.id][place] for place in used),
            also=", ".join(filter(None, [row.also, row.origin and f"derived from {row.origin}", row.host])),
            places=tuple(_place((row.environment.id, *one), at, causes, targets, marks) for one in columns),
        )
        for row in environments
    )
    kept = tuple(TITLES[place] for place in used)
    return Matrix(
        titles=kept,
        columns=tuple(label(*one) for one in columns),
        rows=rows,
        choices=(*_versions(kept, rows), *_others(columns, cells, failures)),
    )


def _place(
    key: Key,
    at: Mapping[Key, Cell],
    causes: Mapping[Key, str],
    targets: Mapping[Key, Target],
    marks: Mapping[Key, str],
) -> Place:
    cell = at.get(key)
    if cell is None:
        return Place(entry=Entry(text=NOT_ASKED, kind="absent"))
    text = f"{words.SIGNS[cell.outcome]} {words.short_label(cell)}"
    entry = Entry(text=text, target=targets.get(key), kind=cell.outcome.value, mark=marks.get(key, ""))
    return Place(entry=entry, cause=causes.get(key, ""))


def name_of(failure: Failure) -> str:
    """What a failure is called in the page's address; one that is not recognised goes by what it said."""
    cell, message = failure.cells[0], failure.messages[0]
    if cell.recognised is not None:
        return f"{cell.recognised} {cell.stage}"
    said = sha256(words.alike(message.text).encode("utf-8", "replace")).hexdigest()[:6]
    return f"{message.exception} {cell.stage} {said}"


def _versions(titles: Sequence[str], rows: Sequence[Row]) -> tuple[Choice, ...]:
    """A field for each version column with something to choose, newest first."""
    found = []
    for place, title in enumerate(titles):
        values = sorted({row.versions[place] for row in rows} - {""}, key=_newness, reverse=True)
        if len(values) > 1:
            found.append(Choice(name=title.lower(), title=title, values=tuple((one, one) for one in values)))
    return tuple(found)


def _newness(version: str) -> tuple[bool, Version, str]:
    """A version in its order, without torch's build; the axis's own distribution before another one."""
    name, _, rest = version.partition(" ")
    own = rest.startswith("(") or not rest
    return own, parsed(name if own else rest), version


def _others(
    columns: Sequence[tuple[str, Device]], cells: Sequence[Cell], failures: Sequence[Failure]
) -> tuple[Choice, ...]:
    outcomes = [outcome for outcome in Outcome if any(cell.outcome is outcome for cell in cells)]
    return (
        Choice(name="path", title="Path", values=tuple((label(*one), label(*one)) for one in columns)),
        Choice(
            name="outcome",
            title="Outcome",
            values=tuple((one.value, f"{words.SIGNS[one]} {one.value}") for one in outcomes),
        ),
        Choice(
            name="cause",
            title="Cause",
            values=tuple({name_of(one): f"{one.number}. {one.title}" for one in failures}.items()),
        ),
    )
