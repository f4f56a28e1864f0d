"""Why cells are not green: each failure with where it was seen, what it said where, and what was seen to cure it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asrcompat.model import Cell
from asrcompat.report.failures import Failure, Message
from asrcompat.report.grid import Entry, Target
from asrcompat.report.places import Place, places
from asrcompat.report.remedies import Verified
from asrcompat.report.where import Key, where


@dataclass(frozen=True, kw_only=True)
class Cure:
    """Changes with which cells work: in these environments, each linked to the remedy; `of` which, where not of all."""

    words: str
    environments: tuple[Entry, ...]
    of: str

    @property
    def text(self) -> str:
        """It in a line, for a form without links."""
        of = f" ({self.of})" if self.of else ""
        return f"with {self.words}: works in {', '.join(one.text for one in self.environments)}{of}"


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a failure said, the cells that it said so in, and what else these said."""

    message: Message
    places: tuple[Place, ...]
    others: tuple[tuple[str, tuple[Place, ...]], ...]


@dataclass(frozen=True, kw_only=True)
class Reason:
    """A failure, where it was seen, and the verified remedies of its cells."""

    failure: Failure
    where: str
    cures: tuple[Cure, ...]
    said: tuple[Said, ...]


def reasons(
    told: Sequence[Failure], remedies: Sequence[Verified], numbers: Mapping[str, int], rows: Mapping[Key, Target]
) -> tuple[Reason, ...]:
    """Prepare failures for the forms; `rows` are links to cells."""

    def located(cells: Sequence[Cell]) -> tuple[Place, ...]:
        return tuple(places([cell.key for cell in cells], numbers, rows))

    return tuple(
        Reason(
            failure=failure,
            where=where([cell.key for cell in failure.cells], numbers),
            cures=_cures(failure, remedies, numbers),
            said=tuple(
                Said(
                    message=message,
                    places=located(message.cells),
                    others=tuple((text, located(cells)) for text, cells in message.others),
                )
                for message in failure.messages
            ),
        )
        for failure in told
    )


def _cures(failure: Failure, remedies: Sequence[Verified], numbers: Mapping[str, int]) -> tuple[Cure, ...]:
    """What cures cells of the failure, the same change in several environments once."""
    by_words: dict[str, list[Verified]] = {}
    for one in remedies:
        if any(cell.remedy == one.remedy.id for cell in failure.cells):
            by_words.setdefault(one.words, []).append(one)
    return tuple(_cure(failure, words, group, numbers) for words, group in by_words.items())


def _cure(failure: Failure, words: str, group: Sequence[Verified], numbers: Mapping[str, int]) -> Cure:
    identities = {one.remedy.id for one in group}
    cured = [cell.key for cell in failure.cells if cell.remedy in identities]
    there = {key[0] for key in cured}
    whole = [cell.key for cell in failure.cells if cell.environment in there]
    return Cure(
        words=words,
        environments=tuple(Entry(text=_where(one, cured, numbers), target=one.target) for one in group),
        of="" if cured == whole else where(cured, numbers),
    )


def _where(one: Verified, cured: Sequence[Key], numbers: Mapping[str, int]) -> str:
    """The environment of a remedy; and when these cells were seen to be cured, if for an earlier report."""
    number = str(numbers.get(one.remedy.environment, one.remedy.environment))
    return f"{number} ({days})" if (days := one.days(cured)) else number
