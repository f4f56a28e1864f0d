"""Evidence for a part of a claim: what was seen, the same thing once, with links to the cells that showed it.

Each line says whether it speaks for the part or against it, and apart from that what happened: a stage that passed may
well speak against. Cells that the part is about and that say nothing are told as not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.report import alike, sanitize, words
from asrcompat.report.grid import Entry, Target
from asrcompat.report.places import Place, places
from asrcompat.report.stories import CheckKey
from asrcompat.report.where import Key, where

_MESSAGE_LENGTH = 400
_WHY_LENGTH = 120  # the failure itself is told elsewhere
_FEW = 2

_SPEAKS = {True: Entry(text="for", kind="works"), False: Entry(text="against", kind="broken")}


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
            places=tuple(places(_keys(group), numbers, cells, among=_keys(evidence))),
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


def _keys(evidence: Sequence[Mapping[str, Any]]) -> list[Key]:
    """The cells that evidence names; what holds for all names none."""
    return [key for key in map(_key, evidence) if key[0]]
