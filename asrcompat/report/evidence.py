"""Evidence for a part of a claim: what was seen, the same thing once, with a link to every cell that showed it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.report import alike, sanitize, words
from asrcompat.report.grid import Entry, Target
from asrcompat.report.where import Key, label

_MESSAGE_LENGTH = 400


@dataclass(frozen=True, kw_only=True)
class Place:
    """A path, and the environments in which it showed something, each linked to its cell."""

    label: str
    environments: tuple[Entry, ...]


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was seen, whether it bears the part out, and where it was seen; nowhere, where it holds for all."""

    supports: bool
    text: str
    places: tuple[Place, ...]

    @property
    def sign(self) -> str:
        """Whether it speaks for the part or against it."""
        return "✓" if self.supports else "✗"


def tell(
    evidence: Sequence[Mapping[str, Any]], numbers: Mapping[str, int], cells: Mapping[Key, Target]
) -> tuple[Told, ...]:
    """Tell the evidence of one part; what differs in measured figures alone is told once per path."""
    groups: dict[tuple[bool, str], list[Mapping[str, Any]]] = {}
    for own in _by_path(evidence):
        for text, indices in alike.together((_seen(one), index) for index, one in enumerate(own)):
            groups.setdefault((bool(own[0].get("supports")), text), []).extend(own[index] for index in indices)
    return tuple(
        Told(supports=supports, text=text, places=tuple(_places(group, numbers, cells)))
        for (supports, text), group in groups.items()
    )


def _by_path(evidence: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    groups: dict[tuple[bool, str], list[Mapping[str, Any]]] = {}
    for one in evidence:
        groups.setdefault((bool(one.get("supports")), words.text(one, "path")), []).append(one)
    return list(groups.values())


def _seen(one: Mapping[str, Any]) -> str:
    where = words.text(one, "check") or words.text(one, "stage")
    said = sanitize.one_line(words.text(one, "message"), _MESSAGE_LENGTH)
    return ": ".join(filter(None, [sanitize.one_line(where), said]))


def _places(
    group: Sequence[Mapping[str, Any]], numbers: Mapping[str, int], cells: Mapping[Key, Target]
) -> Iterator[Place]:
    seen: dict[str, dict[Key, None]] = {}
    for one in group:
        key = (words.text(one, "environment"), words.text(one, "path"), words.text(one, "device"))
        if key[0]:
            seen.setdefault(label(key[1], key[2]), {})[key] = None
    for name, keys in seen.items():
        entries = (Entry(text=str(numbers.get(key[0], key[0])), target=cells.get(key)) for key in keys)
        yield Place(label=name, environments=tuple(entries))
