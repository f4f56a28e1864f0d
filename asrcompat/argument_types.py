"""What an option's text may be: each function reads one kind, and its name is what argparse says of a wrong one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime


def names(text: str) -> tuple[str, ...]:
    """Names between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def positive(text: str) -> int:
    """A whole number from 1 on."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


positive.__name__ = "whole number from 1 on:"


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much a run may be: so many environments, or as many as begin within some minutes; one of both is None."""

    environments: int | None = None
    minutes: int | None = None


def budget(text: str) -> Budget:
    """``40`` environments, or ``90m`` or ``2h``."""
    match = re.fullmatch(r"([1-9]\d*)\s*(|m|min|minutes|h|hours)", text.strip())
    if match is None:
        raise ValueError(text)
    number, unit = int(match[1]), match[2]
    if not unit:
        return Budget(environments=number)
    return Budget(minutes=number * (60 if unit.startswith("h") else 1))


budget.__name__ = "number of environments, or a time such as 90m or 2h:"


@dataclass(frozen=True, kw_only=True)
class Share:
    """One machine's share of a run: the `number`-th, from 1 on, `of` so many."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def share(text: str) -> Share:
    """``2/3``."""
    number, of = (int(part) for part in text.split("/"))
    if not 1 <= number <= of:
        raise ValueError(text)
    return Share(number=number, of=of)


share.__name__ = "share such as 2/3, the second of three:"


def day(text: str) -> str:
    """``2024-07-01``, a day that is over."""
    day = date.fromisoformat(text)
    if day.isoformat() != text or day >= datetime.now(UTC).date():
        raise ValueError(text)
    return text


day.__name__ = "day that is over, as YYYY-MM-DD:"


def gigabytes(text: str) -> int:
    """``30`` or ``30GB``."""
    return positive(text.strip().removesuffix("GB").strip())


gigabytes.__name__ = "whole number of gigabytes, such as 30GB:"
