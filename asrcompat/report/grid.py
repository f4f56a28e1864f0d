"""Tables as data: every form draws the same lines and columns in its own way.

Text in a grid is still raw. A link is a page and an anchor, both made of our own words and numbers, never of what a
package said; which file a page is (if any) is known to the form alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Page = Literal["main", "findings", "claims", "signatures", "coverage"]

NOT_ASKED = "·"


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a link leads."""

    page: Page
    anchor: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What stands in one place of a table; `kind` is the outcome it is coloured by, `mark` what to say beside it."""

    text: str = ""
    target: Target | None = None
    kind: str = ""
    mark: str = ""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line under the columns; `anchor` is where links to it lead. A `quiet` line explains the columns."""

    head: Entry
    entries: tuple[Entry, ...]
    anchor: str = ""
    quiet: bool = False


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table with a head for each column and each line."""

    corner: str
    columns: tuple[Entry, ...]
    lines: tuple[Line, ...]

    def blocks(self, size: int) -> Iterator[Grid]:
        """Cut into tables of at most `size` columns, of about the same width, each with the lines' heads.

        A quiet line that explains none of a table's columns is left out of it.
        """
        count = max(1, -(-len(self.columns) // size))
        width = max(1, -(-len(self.columns) // count))
        for start in range(0, max(1, len(self.columns)), width):
            part = slice(start, start + width)
            lines = tuple(dataclasses.replace(line, entries=line.entries[part]) for line in self.lines)
            shown = tuple(line for line in lines if not line.quiet or any(entry.text for entry in line.entries))
            yield dataclasses.replace(self, columns=self.columns[part], lines=shown)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A grid with its title and a sentence on what it shows."""

    title: str
    about: str
    grid: Grid


def texts(*values: str) -> tuple[Entry, ...]:
    """Entries that are plain text."""
    return tuple(Entry(text=value) for value in values)


def cell_target(number: int) -> Target:
    """Where the cell of this number (in the order of the results, from 1) is told."""
    return Target(page="main", anchor=f"cell-{number}")


def environment_target(number: int) -> Target:
    """Where the environment of this number is told."""
    return Target(page="main", anchor=f"environment-{number}")
