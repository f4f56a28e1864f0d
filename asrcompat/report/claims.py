"""Claims and their verdicts, as `asrcompat.model.Results.claims` holds them, laid out for readers.

A claim is told in parts, and a part by its evidence: what was seen in which cells, and whether it bears the part out.
Where the verdict depends on the environment, or some did not come so far, a table shows it version by version. What an
entry lacks is left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.report import words
from asrcompat.report.claim_versions import NOT_TESTABLE, VERDICTS, by_version, of_part
from asrcompat.report.environments import EnvironmentRow
from asrcompat.report.evidence import LeftOut, Told, left_out, tell
from asrcompat.report.grid import Entry, Grid, Target
from asrcompat.report.stories import CheckKey
from asrcompat.report.where import Key, counted

_SHARED = 3  # parts


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where something was said."""

    title: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Part:
    """One sentence of a claim; one that is a control puts the others in their light and counts for nothing."""

    says: str
    verdict: Entry
    control: bool
    needs: str
    cites: tuple[Source, ...]
    told: tuple[Told, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement, where it was made, and what became of it; `versions` is there where environments are not alike.

    `left_out` is what does not count in several parts, and `left_out_of` are these.
    """

    number: int
    id: str
    statement: str
    sources: tuple[Source, ...]
    verdict: Entry
    tested: str
    versions: Grid | None
    left_out: tuple[LeftOut, ...]
    left_out_of: str
    parts: tuple[Part, ...]

    @property
    def anchor(self) -> str:
        """Where links to it lead."""
        return f"claim-{self.number}"

    @property
    def target(self) -> Target:
        """A link to it."""
        return Target(page="claims", anchor=self.anchor)


@dataclass(frozen=True, kw_only=True)
class Claims:
    """All claims, and how many came to which verdict."""

    claims: tuple[Claim, ...]
    summary: str


def claims(
    entries: Iterable[Mapping[str, Any]],
    environments: Sequence[EnvironmentRow],
    cells: Mapping[Key, Target],
    checks: Mapping[CheckKey, Target],
    failures: Mapping[Key, Target],
) -> Claims:
    """Lay out the claims; `cells`, `checks` and the cells' `failures` are links to these by their keys."""
    given = tuple(entries)
    told = tuple(
        _claim(number, entry, environments, cells, checks, failures) for number, entry in enumerate(given, start=1)
    )
    verdicts = [words.text(entry, "verdict") for entry in given]
    distinct = [verdict for verdict in dict.fromkeys([*VERDICTS, *verdicts]) if verdict in verdicts]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict or 'without a verdict'}" for verdict in distinct)
    return Claims(claims=told, summary=f"{words.plural(len(told), 'claim')}: {counts}." if told else "")


def _claim(
    number: int,
    entry: Mapping[str, Any],
    environments: Sequence[EnvironmentRow],
    cells: Mapping[Key, Target],
    checks: Mapping[CheckKey, Target],
    failures: Mapping[Key, Target],
) -> Claim:
    parts = words.mappings(entry, "parts")
    tested, of = words.text(entry, "tested"), words.text(entry, "of")
    numbers = {row.environment.id: row.number for row in environments}
    beside = [left_out(of_part(entry, "left_out", index), numbers, failures) for index in range(len(parts))]
    common, shared = _common(beside)
    return Claim(
        number=number,
        id=words.text(entry, "id"),
        statement=words.text(entry, "statement"),
        sources=_sources(entry, "sources"),
        verdict=_verdict(words.text(entry, "verdict")),
        tested=f"{tested} of {of} parts tested" if tested and of else "",
        versions=by_version(entry, parts, environments),
        left_out=common,
        left_out_of=counted(map(str, shared), {str(number): number for number in shared}),
        parts=tuple(
            _part(
                part,
                tell(of_part(entry, "evidence", index), numbers, cells, checks),
                () if index + 1 in shared else beside[index],
            )
            for index, part in enumerate(parts)
        ),
    )


def _common(beside: Sequence[tuple[LeftOut, ...]]) -> tuple[tuple[LeftOut, ...], list[int]]:
    """What most parts leave out, and these by their numbers, where there are enough of them to say it once for all."""
    (most, count), *_ = Counter(filter(None, beside)).most_common(1) or [((), 0)]
    if count < _SHARED:
        return (), []
    return most, [number for number, one in enumerate(beside, start=1) if one == most]


def _part(part: Mapping[str, Any], told: tuple[Told, ...], not_counted: tuple[LeftOut, ...]) -> Part:
    verdict = words.text(part, "verdict")
    return Part(
        says=words.text(part, "says"),
        verdict=_verdict(verdict),
        control=bool(part.get("control")),
        needs=words.text(part, "needs") if verdict == NOT_TESTABLE else "",
        cites=_sources(part, "cites"),
        told=told,
        left_out=not_counted,
    )


def _verdict(verdict: str) -> Entry:
    sign, kind = VERDICTS.get(verdict, ("?", ""))
    return Entry(text=f"{sign} {verdict or 'without a verdict'}", kind=kind)


def _sources(entry: Mapping[str, Any], name: str) -> tuple[Source, ...]:
    return tuple(
        Source(title=words.text(one, "title"), url=words.text(one, "url")) for one in words.mappings(entry, name)
    )
