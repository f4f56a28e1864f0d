"""Remedies: "as installed: broken; with this: works", with what to paste; and what was tried in vain."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from asrcompat.explain.when import day, day_of, in_words
from asrcompat.lab.change import all_in_words
from asrcompat.model import Outcome, Remedy, RemedyCell
from asrcompat.report import sanitize
from asrcompat.report.grid import Target
from asrcompat.report.where import Key, label

if TYPE_CHECKING:
    from asrcompat.report.environments import EnvironmentRow

_MESSAGE_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A remedy that was seen to work, and the lines that say for which cells; `seen` when and by what code."""

    number: int
    remedy: Remedy
    words: str
    row: EnvironmentRow | None
    lines: tuple[str, ...]
    needless: str
    seen: str

    def days(self, keys: Collection[Key]) -> str:
        """When it was seen to cure these cells, in few words; nothing where that was for this report."""
        mine = [one for one in self.remedy.cells if (self.remedy.environment, one.path, one.device) in keys]
        days = dict.fromkeys(day(one.earlier) for one in mine if one.outcome is Outcome.WORKS)
        earlier = ", ".join(filter(None, days))
        return f"in part {earlier}" if earlier and "" in days else earlier

    @property
    def anchor(self) -> str:
        """Where links to it lead."""
        return self.target.anchor

    @property
    def target(self) -> Target:
        """A link to it."""
        return Target(page="main", anchor=f"remedy-{self.number}")


@dataclass(frozen=True, kw_only=True)
class Tried:
    """Changes that were tried for these failures and made nothing work: what came of them, by cell (`keys`)."""

    environment: str
    signatures: tuple[str, ...]
    words: str
    lines: tuple[str, ...]
    keys: frozenset[Key]


@dataclass(frozen=True, kw_only=True)
class Remedies:
    """Both kinds, in the order of the environments."""

    verified: tuple[Verified, ...]
    tried: tuple[Tried, ...]


def remedies(found: Sequence[Remedy], rows: Sequence[EnvironmentRow]) -> Remedies:
    """Prepare remedies for the forms."""
    by_id = {row.environment.id: row for row in rows}
    verified = [one for one in found if one.verified]
    return Remedies(
        verified=tuple(_verified(number, one, by_id) for number, one in enumerate(verified, start=1)),
        tried=tuple(_tried(one, by_id) for one in found if not one.verified),
    )


def _verified(number: int, remedy: Remedy, rows: Mapping[str, EnvironmentRow]) -> Verified:
    lines, seen = _lines(remedy, rows)
    return Verified(
        number=number,
        remedy=remedy,
        words=all_in_words(remedy.changes),
        row=rows.get(remedy.environment),
        lines=lines,
        needless=", ".join(one["value"] for one in remedy.needless),
        seen=seen,
    )


def _tried(remedy: Remedy, rows: Mapping[str, EnvironmentRow]) -> Tried:
    lines, seen = _lines(remedy, rows)
    return Tried(
        environment=str(rows[remedy.environment].number) if remedy.environment in rows else remedy.environment,
        signatures=remedy.signatures,
        words=all_in_words(remedy.changes),
        lines=(*lines, seen) if seen else lines,
        keys=frozenset((remedy.environment, cell.path, cell.device) for cell in remedy.cells),
    )


def _lines(remedy: Remedy, rows: Mapping[str, EnvironmentRow]) -> tuple[tuple[str, ...], str]:
    """A line for each cell; and when they were seen: once where that holds for all, else in the lines."""
    row = rows.get(remedy.environment)
    now = " ".join(filter(None, ("seen", day_of(remedy.ran_at), f"by commit {remedy.commit}" if remedy.commit else "")))
    seen = [
        now if cell.earlier is None else in_words(cell.earlier, None if row is None else row.environment)
        for cell in remedy.cells
    ]
    lines = [_became(cell) for cell in remedy.cells]
    if len(set(seen)) == 1:
        return tuple(lines), seen[0]
    return tuple(f"{line} ({when})" if when else line for line, when in zip(lines, seen, strict=True)), ""


def _became(cell: RemedyCell) -> str:
    """One cell: as it was and as it became; an error of ours is said to be one."""
    after = (
        "works" if cell.outcome is Outcome.WORKS else f"{cell.outcome} at {cell.stage}" if cell.stage else cell.outcome
    )
    text = f"{label(cell.path, cell.device)}: as installed: {cell.before}; with it: {after}"
    if cell.miss is not None and cell.trials is not None:
        text += f" ({cell.trials.of} of {cell.trials.of} steps; by luck alone with a chance of {cell.miss:.2g})"
    if cell.outcome in (Outcome.ERROR, Outcome.UNAVAILABLE):
        text += ", which says nothing about the change"
    message = sanitize.one_line(cell.message, _MESSAGE_LENGTH)
    return f"{text}: {message}" if message else text
