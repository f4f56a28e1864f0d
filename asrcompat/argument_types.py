"""What an option's text may be: each function reads one kind, and says of a wrong one what it should have been."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import wraps
from typing import TypeVar

_T = TypeVar("_T")


def _kind(name: str) -> Callable[[Callable[[str], _T]], Callable[[str], _T]]:
    """Have a reader's `ValueError` told as this name: argparse's own sentence would be made of the function's."""

    def told(read: Callable[[str], _T]) -> Callable[[str], _T]:
        @wraps(read)
        def one(text: str) -> _T:
            try:
                return read(text)
            except ValueError as error:
                message = f"{text!r} is no {name}"
                raise argparse.ArgumentTypeError(message) from error

        return one

    return told


def names(text: str) -> tuple[str, ...]:
    """Names between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


@_kind("whole number from 1 on")
def positive(text: str) -> int:
    """A whole number from 1 on."""
    return _at_least_one(text)


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much a run may be: so many environments, or as many as begin within some minutes; one of both is None."""

    environments: int | None = None
    minutes: int | None = None


@_kind("number of environments, or a time such as 90m or 2h")
def budget(text: str) -> Budget:
    """``40`` environments, or ``90m`` or ``2h``."""
    match = re.fullmatch(r"([1-9]\d*)\s*(|m|min|minutes|h|hours)", text.strip())
    if match is None:
        raise ValueError(text)
    number, unit = int(match[1]), match[2]
    if not unit:
        return Budget(environments=number)
    return Budget(minutes=number * (60 if unit.startswith("h") else 1))


@dataclass(frozen=True, kw_only=True)
class Share:
    """One machine's share of a run: the `number`-th, from 1 on, `of` so many."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@_kind("share such as 2/3, the second of three")
def share(text: str) -> Share:
    """``2/3``."""
    number, of = (int(part) for part in text.split("/"))
    if not 1 <= number <= of:
        raise ValueError(text)
    return Share(number=number, of=of)


@_kind("day that is over, as YYYY-MM-DD")
def day(text: str) -> str:
    """``2024-07-01``, a day that is over."""
    day = date.fromisoformat(text)
    if day.isoformat() != text or day >= datetime.now(UTC).date():
        raise ValueError(text)
    return text


@_kind("whole number of gigabytes, such as 30GB")
def gigabytes(text: str) -> int:
    """``30`` or ``30GB``."""
    return _at_least_one(text.strip().removesuffix("GB").strip())
