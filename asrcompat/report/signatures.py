"""Recognised failures, told once each: cause, where they were seen, with which versions, and what to try.

And those that are not recognised, by what they have in common, each with an entry to begin with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.model import Remedy, Results
from asrcompat.report import words
from asrcompat.report.affected import Versions, affected, listed
from asrcompat.report.cures import Cure, cures
from asrcompat.report.grid import Target
from asrcompat.report.where import Key, where

_STATUS = {
    "reproduced": "reproduced by this project, traceback kept",
    "read": "read in released code, not seen in a run of this project",
    "told": "told in public, not seen in a run of this project",
}


@dataclass(frozen=True, kw_only=True)
class Story:
    """A signature that was met."""

    number: int
    id: str
    title: str
    cause: str
    known: str
    sources: str
    named: tuple[str, ...]
    where: str
    findings: tuple[tuple[str, str], ...]
    versions: Versions
    cures: tuple[Cure, ...]

    @property
    def anchor(self) -> str:
        """Where links to it lead."""
        return f"signature-{self.number}"

    @property
    def target(self) -> Target:
        """A link to it."""
        return Target(page="signatures", anchor=self.anchor)


@dataclass(frozen=True, kw_only=True)
class Unrecognised:
    """Failures alike that no signature matches; without `where` they are of findings only, and decided nothing."""

    innermost: str
    package: str
    where: str
    findings: tuple[tuple[str, str], ...]
    versions: Versions
    entry: str
    cells: tuple[Key, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Signatures:
    """All that were met, those that decided an outcome first, and the groups of the rest."""

    stories: tuple[Story, ...]
    unrecognised: tuple[Unrecognised, ...]
    summary: str

    def target(self, identity: str | None) -> Target | None:
        """A link to the signature of this id, where it is told."""
        return next((story.target for story in self.stories if story.id == identity), None)


def signatures(results: Results, numbers: Mapping[str, int]) -> Signatures:
    """Lay out the signatures met and the unrecognised failures, environments by their numbers."""
    met = sorted(results.signatures, key=lambda one: not one.get("cells"))
    stories = tuple(_story(number, one, numbers, results.remedies) for number, one in enumerate(met, start=1))
    groups = tuple(_group(one, numbers) for one in sorted(results.unrecognised, key=lambda one: not one.get("cells")))
    deciding = sum(bool(one.get("cells")) for one in met)
    broke = sum(bool(one.where) for one in groups)
    counts = [
        f"{words.plural(deciding, 'recognised failure')} that broke cells" if deciding else "",
        f"{words.plural(len(met) - deciding, 'recognised failure')} in findings" if len(met) > deciding else "",
        words.plural(broke, "unrecognised failure") if broke else "",
        f"{words.plural(len(groups) - broke, 'unrecognised failure')} in findings" if len(groups) > broke else "",
    ]
    told = ", ".join(filter(None, counts))
    return Signatures(stories=stories, unrecognised=groups, summary=f"{told}." if told else "")


def titles(results: Results) -> dict[str, str]:
    """The title of each signature met, by its id."""
    return {words.text(one, "id"): words.text(one, "title") for one in results.signatures}


def _story(number: int, one: Mapping[str, Any], numbers: Mapping[str, int], remedies: Sequence[Remedy]) -> Story:
    return Story(
        number=number,
        id=words.text(one, "id"),
        title=words.text(one, "title"),
        cause=words.text(one, "cause"),
        known=_STATUS.get(words.text(one, "status"), ""),
        sources=", ".join(listed(one, "source")),
        named=tuple(listed(one, "source")),
        where=_where(one, numbers),
        findings=_findings(one, numbers),
        versions=affected(one),
        cures=cures(one, remedies),
    )


def _group(one: Mapping[str, Any], numbers: Mapping[str, int]) -> Unrecognised:
    inner = words.mapping(one, "innermost")
    return Unrecognised(
        innermost=words.without_ours(
            ": ".join(filter(None, [words.text(inner, "exception"), words.text(inner, "message")]))
        ),
        package=words.text(one, "package"),
        where=_where(one, numbers),
        findings=_findings(one, numbers),
        versions=affected(one),
        entry=words.text(one, "entry"),
        cells=tuple(_key(place) for place in words.mappings(one, "cells")),
    )


def _findings(one: Mapping[str, Any], numbers: Mapping[str, int]) -> tuple[tuple[str, str], ...]:
    checks: dict[str, list[Key]] = {}
    for finding in words.mappings(one, "findings"):
        checks.setdefault(words.text(finding, "check"), []).append(_key(finding))
    return tuple((check, where(keys, numbers)) for check, keys in checks.items())


def _where(one: Mapping[str, Any], numbers: Mapping[str, int]) -> str:
    keys = [_key(place) for place in words.mappings(one, "cells")]
    return where(keys, numbers) if keys else ""


def _key(place: Mapping[str, Any]) -> Key:
    return words.text(place, "environment"), words.text(place, "path"), words.text(place, "device")
