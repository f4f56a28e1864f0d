"""Evidence for a part of a claim: what was seen, the same thing once, with links to the cells that showed it.

Each line says whether it speaks for the part or against it, and apart from that what happened: a stage that passed may
well speak against. Cells that the part is about and that say nothing are told as not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.report import alike, sanitize, words
from asrcompat.report.grid import Entry, Target
from asrcompat.report.stories import CheckKey
from asrcompat.report.where import Key, label, where

_MESSAGE_LENGTH = 400
_WHY_LENGTH = 120  # the failure itself is told elsewhere
_FEW = 2
_LISTED = 3  # of fewer environments, which are all, each is linked to all the same

_SPEAKS = {True: Entry(text="for", kind="works"), False: Entry(text="against", kind="broken")}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Paths, and the environments in which they showed something, each linked to its cell; or that these were `all`."""

    label: str
    environments: tuple[Entry, ...]
    all: int = 0


@dataclass(frozen=True, kw_only=True)
class Told:
    """What was seen: how it speaks, of what, what happened, and where; nowhere, where it holds for all."""

    speaks: Entry
    name: Entry
    happened: str
    places: tuple[Place, ...]


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """What a part is about and that says nothing about it, and why."""

    where: str
    why: Entry


def tell(
    evidence: Sequence[Mapping[str, Any]],
    numbers: Mapping[str, int],
    cells: Mapping[Key, Target],
    checks: Mapping[CheckKey, Target],
) -> tuple[Told, ...]:
    """Tell the evidence of one part; what differs in measured figures alone is told once per path."""
    groups: dict[tuple[bool, str, str], list[Mapping[str, Any]]] = {}
    for (supports, name, _), own in _by_path(evidence).items():
        for text, indices in alike.together((_happened(one), index) for index, one in enumerate(own)):
            groups.setdefault((supports, name, text), []).extend(own[index] for index in indices)
    return tuple(
        Told(
            speaks=_SPEAKS[supports],
            name=Entry(text=name, target=checks.get(_check(group[0]))),
            happened=text,
            places=tuple(_places(group, evidence, numbers, cells)),
        )
        for (supports, name, text), group in groups.items()
    )


def left_out(
    entries: Sequence[Mapping[str, Any]], numbers: Mapping[str, int], failures: Mapping[Key, Target]
) -> tuple[LeftOut, ...]:
    """Tell what does not count, by the reason; of many reasons, each is told in full where its link leads."""
    groups: dict[tuple[str, Target | None], list[Key]] = {}
    for one in entries:
        key = _key(one)
        why = sanitize.one_line(words.text(one, "why"), _WHY_LENGTH)
        groups.setdefault((why, failures.get(key)), []).append(key)
    full = len(groups) <= _FEW
    return tuple(
        LeftOut(
            where=where(keys, numbers),
            why=Entry(text=why if full or target is None else why.partition(":")[0], target=target),
        )
        for (why, target), keys in groups.items()
    )


def _by_path(evidence: Sequence[Mapping[str, Any]]) -> dict[tuple[bool, str, str], list[Mapping[str, Any]]]:
    groups: dict[tuple[bool, str, str], list[Mapping[str, Any]]] = {}
    for one in evidence:
        name = sanitize.one_line(words.text(one, "check") or words.text(one, "stage"))
        groups.setdefault((bool(one.get("supports")), name, words.text(one, "path")), []).append(one)
    return groups


def _check(one: Mapping[str, Any]) -> CheckKey:
    return (words.text(one, "check"), words.text(one, "stage"), words.text(one, "device"))


def _happened(one: Mapping[str, Any]) -> str:
    said = sanitize.one_line(words.text(one, "message"), _MESSAGE_LENGTH)
    return ": ".join(filter(None, [words.text(one, "outcome"), said]))


def _key(one: Mapping[str, Any]) -> Key:
    return (words.text(one, "environment"), words.text(one, "path"), words.text(one, "device"))


def _places(
    group: Sequence[Mapping[str, Any]],
    among: Sequence[Mapping[str, Any]],
    numbers: Mapping[str, int],
    cells: Mapping[Key, Target],
) -> Iterator[Place]:
    """First the paths that show it in all their environments `among` the evidence, those of one number together."""
    seen, whole = _by_label(group), _by_label(among)
    complete: dict[int, list[str]] = {}
    for name, keys in seen.items():
        if len(keys) >= _LISTED and keys == whole.get(name):
            complete.setdefault(len(keys), []).append(name)
    for count, names in complete.items():
        yield Place(label=", ".join(names), environments=(), all=count)
    for name, keys in seen.items():
        if name not in complete.get(len(keys), ()):
            entries = (Entry(text=str(numbers.get(key[0], key[0])), target=cells.get(key)) for key in keys)
            yield Place(label=name, environments=tuple(entries))


def _by_label(evidence: Sequence[Mapping[str, Any]]) -> dict[str, dict[Key, None]]:
    seen: dict[str, dict[Key, None]] = {}
    for key in map(_key, evidence):
        if key[0]:
            seen.setdefault(label(key[1], key[2]), {})[key] = None
    return seen
