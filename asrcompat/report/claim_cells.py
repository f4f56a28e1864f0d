"""Which claims a cell bears on: those whose evidence names it, with how it speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from asrcompat.report import words
from asrcompat.report.claim_versions import VERDICTS
from asrcompat.report.where import Key

_SPEAKS = {
    frozenset({True}): "for it",
    frozenset({False}): "against it",
    frozenset({True, False}): "for a part, against another",
}


def bearing(claims: Sequence[Mapping[str, Any]]) -> dict[Key, list[tuple[int, str, str]]]:
    """By cell the claims, by their place: the verdict in the cell's environment, and how the cell speaks.

    A part that is a control puts the others in their light and counts for nothing: it does not speak.
    """
    found: dict[Key, list[tuple[int, str, str]]] = {}
    for place, claim in enumerate(claims):
        controls = {index for index, part in enumerate(words.mappings(claim, "parts")) if part.get("control")}
        spoken: dict[Key, set[bool]] = {}
        for one in words.mappings(claim, "evidence"):
            if one.get("part") not in controls:
                key = (words.text(one, "environment"), words.text(one, "path"), words.text(one, "device"))
                spoken.setdefault(key, set()).add(bool(one.get("supports")))
        here = words.mapping(claim, "environments")
        for key, speaks in spoken.items():
            verdict = str(here.get(key[0]) or "")
            sign = VERDICTS.get(verdict, ("", ""))[0]
            told = " ".join(filter(None, (sign, verdict)))
            found.setdefault(key, []).append((place, told, _SPEAKS[frozenset(speaks)]))
    return found
