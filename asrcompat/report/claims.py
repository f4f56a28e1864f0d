"""Claims and their verdicts, as `asrcompat.model.Results.claims` holds them, laid out for readers.

A claim is told in parts, and a part by its evidence: what was seen in which cells, and whether it bears the part out.
Where the verdict depends on the environment, a table shows it version by version. What an entry lacks is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.report import words
from asrcompat.report.environments import EnvironmentRow
from asrcompat.report.evidence import Told, tell
from asrcompat.report.grid import NOT_ASKED, Entry, Grid, Line, Target
from asrcompat.report.where import Key

NOT_TESTABLE = "not testable here"
_VERDICTS = {
    "confirmed": ("✓", "works"),
    "refuted": ("✗", "broken"),
    "partly": ("~", "unstable"),
    NOT_TESTABLE: ("\N{EN DASH}", "unavailable"),
}


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


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement, where it was made, and what became of it; `versions` is there where environments disagree."""

    number: int
    id: str
    statement: str
    sources: tuple[Source, ...]
    verdict: Entry
    tested: str
    versions: Grid | None
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
    entries: Iterable[Mapping[str, Any]], environments: Sequence[EnvironmentRow], cells: Mapping[Key, Target]
) -> Claims:
    """Lay out the claims; `cells` are the links to cells by their keys."""
    given = tuple(entries)
    told = tuple(_claim(number, entry, environments, cells) for number, entry in enumerate(given, start=1))
    verdicts = [words.text(entry, "verdict") for entry in given]
    distinct = [verdict for verdict in dict.fromkeys([*_VERDICTS, *verdicts]) if verdict in verdicts]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict or 'without a verdict'}" for verdict in distinct)
    return Claims(claims=told, summary=f"{words.plural(len(told), 'claim')}: {counts}." if told else "")


def _claim(
    number: int, entry: Mapping[str, Any], environments: Sequence[EnvironmentRow], cells: Mapping[Key, Target]
) -> Claim:
    parts = words.mappings(entry, "parts")
    evidence = words.mappings(entry, "evidence")
    tested, of = words.text(entry, "tested"), words.text(entry, "of")
    numbers = {row.environment.id: row.number for row in environments}
    return Claim(
        number=number,
        id=words.text(entry, "id"),
        statement=words.text(entry, "statement"),
        sources=_sources(entry, "sources"),
        verdict=_verdict(words.text(entry, "verdict")),
        tested=f"{tested} of {of} parts tested" if tested and of else "",
        versions=_versions(entry, parts, environments),
        parts=tuple(
            _part(part, tell([one for one in evidence if one.get("part") == index], numbers, cells))
            for index, part in enumerate(parts)
        ),
    )


def _part(part: Mapping[str, Any], told: tuple[Told, ...]) -> Part:
    verdict = words.text(part, "verdict")
    return Part(
        says=words.text(part, "says"),
        verdict=_verdict(verdict),
        control=bool(part.get("control")),
        needs=words.text(part, "needs") if verdict == NOT_TESTABLE else "",
        cites=_sources(part, "cites"),
        told=told,
    )


def _versions(
    entry: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], environments: Sequence[EnvironmentRow]
) -> Grid | None:
    """The claim and each part as a line, where any of them fares differently from one environment to the next."""
    named = [("the claim", entry), *((words.text(part, "says"), part) for part in parts)]
    found = [(name, words.mapping(one, "environments")) for name, one in named]
    if not any(len(set(map(str, verdicts.values()))) > 1 for _, verdicts in found):
        return None
    # With one part, the claim's own line would say the same twice.
    shown = found[1:] if len(parts) == 1 else found
    return Grid(
        corner="",
        columns=tuple(row.entry for row in environments),
        lines=tuple(
            Line(
                head=Entry(text=name),
                entries=tuple(_in_environment(verdicts, row.environment.id) for row in environments),
            )
            for name, verdicts in shown
            if verdicts
        ),
    )


def _in_environment(verdicts: Mapping[str, Any], identity: str) -> Entry:
    if identity not in verdicts:
        return Entry(text=NOT_ASKED, kind="absent")
    sign, kind = _VERDICTS.get(str(verdicts[identity]), ("?", ""))
    return Entry(text=sign, kind=kind)


def _verdict(verdict: str) -> Entry:
    sign, kind = _VERDICTS.get(verdict, ("?", ""))
    return Entry(text=f"{sign} {verdict or 'without a verdict'}", kind=kind)


def _sources(entry: Mapping[str, Any], name: str) -> tuple[Source, ...]:
    return tuple(
        Source(title=words.text(one, "title"), url=words.text(one, "url")) for one in words.mappings(entry, name)
    )
