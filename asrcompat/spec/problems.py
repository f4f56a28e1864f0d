"""Every fault of a configuration file at once: where it is, what is wrong, and what to write instead.

A fault is a `Problem`. Checks collect them and raise one `SpecError` at the end, so that a file is mended in one round.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from asrcompat.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One fault: the key's dotted path, what is wrong with it, and what to do about it."""

    key: str
    message: str
    remedy: str


class SpecError(UsageError):
    """A configuration file that cannot be used; its text lists every `Problem`."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        """Keep the problems of `file`, and write the list that a person reads."""
        self.file = file
        self.problems = tuple(problems)
        count = len(self.problems)
        lines = [f"{file}: {count} problem{'s' if count != 1 else ''}"]
        for problem in self.problems:
            lines += [f"{file}: {problem.key}: {problem.message}", f"    -> {problem.remedy}"]
        super().__init__("\n".join(lines))


def key_of(loc: Sequence[int | str]) -> str:
    """The dotted path as TOML would write it, list positions in brackets, counted from 0 as JSON tools do."""
    key = ""
    for part in loc:
        if isinstance(part, int):
            key += f"[{part}]"
        else:
            key += ("." if key else "") + (part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False))
    return key or "(file)"


def listed(words: Iterable[str]) -> str:
    """Words for a sentence, or ``none``."""
    return ", ".join(words) or "none"


def suggest(word: str, known: Iterable[str], *, what: str) -> str:
    """A remedy for an unknown word: the nearest known one, where there is a near one, and all of them."""
    names = list(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    question = f"did you mean '{near[0]}'? " if near else ""
    return f"{question}{what}: {listed(names)}"


def guess(word: str, known: Iterable[str], *, what: str) -> str:
    """As `suggest` where there may be a hundred: those that are near and no other, or all of them where none is."""
    names = list(known)
    near = difflib.get_close_matches(word, names, n=3, cutoff=0.7)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else f"{what}: {listed(names)}"


def fault(message: str, remedy: str) -> PydanticCustomError:
    """What a field's validator raises: a fault that brings its own remedy."""
    return PydanticCustomError("spec", "{message}", {"message": message, "remedy": remedy})
