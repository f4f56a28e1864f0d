"""What became of a claim, as it stands in ``results.json``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from asrcompat.model import CheckOutcome, Device, Stage

from .document import Source


class Verdict(StrEnum):
    """What observations say about a claim, one of its parts, or either in one environment."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    PARTLY = "partly"
    NOT_TESTABLE = "not testable here"

    @classmethod
    def of(cls, supports: Iterable[bool]) -> Verdict:
        """The verdict of observations, each of which supports or contradicts."""
        found = set(supports)
        if not found:
            return cls.NOT_TESTABLE
        return cls.PARTLY if len(found) > 1 else cls.CONFIRMED if True in found else cls.REFUTED


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One observation: what came of a cell's stage or of one of its checks, and whether it supports the part, a number.

    What the comparison of weights shows has no outcome; it holds for every environment, and names none where it was the
    same in all.
    """

    part: int
    supports: bool
    environment: str | None = None
    path: str | None = None
    device: Device | None = None
    stage: Stage | None = None
    check: str | None = None
    outcome: CheckOutcome | None = None
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A cell that a part is about and that says nothing about it: what came of the cell, or of the check."""

    part: int
    environment: str
    path: str
    device: Device
    why: str


@dataclass(frozen=True, kw_only=True)
class PartVerdict:
    """One sentence of a claim: its verdict, in each environment too; `needs` is what would (also) test it.

    A `control` is told, and counts for nothing.
    """

    says: str
    verdict: Verdict
    control: bool
    needs: str
    cites: tuple[Source, ...]
    environments: Mapping[str, Verdict]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim's verdict, from the `tested` ones of its parts that count (`of`), in each environment too."""

    id: str
    statement: str
    sources: tuple[Source, ...]
    verdict: Verdict
    tested: int
    of: int
    environments: Mapping[str, Verdict]
    parts: tuple[PartVerdict, ...]
    evidence: tuple[Evidence, ...]
    left_out: tuple[LeftOut, ...] = ()


def as_data(claim: Claim) -> dict[str, Any]:
    """The claim as `Results.claims` holds it: plain dicts, lists and texts."""
    return {key: _plain(value) for key, value in dataclasses.asdict(claim).items()}


def _plain(value: Any) -> Any:
    """What JSON would give back, so that results compare equal before and after they are written."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value) if isinstance(value, StrEnum) else value
