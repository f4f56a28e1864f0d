"""What was expected, as the caller put it into `Results.expectations`.

The mapping holds lists of entries ``{"environment", "path", "device", "expected", "found", "reason"}``
under ``regressions``, ``news``, ``unfinished`` and ``unlisted`` (found, with nothing expected), the exit code under
``exit_code``, and under ``expected`` the baseline of the whole profile as ``{"environment", "path",
"device", "outcome", "stage", "reason"}``. The report only tells them; what counts as worse is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asrcompat.model import Outcome, Results
from asrcompat.report import words

_LISTS = (
    ("regressions", "Worse than expected"),
    ("news", "Better than expected"),
    ("unfinished", "Not finished"),
    ("unlisted", "Not in the baseline"),
)
_MARKS = (("regressions", "regression"), ("news", "better than expected"))

_RED = (Outcome.BROKEN, Outcome.UNSTABLE)

_Key = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """A cell whose result differs from its baseline, or is missing."""

    subject: str
    text: str
    reason: str


def told(results: Results) -> tuple[tuple[str, tuple[Expectation, ...]], ...]:
    """Give the lists that have entries, with their titles, worst first."""
    lists = ((title, tuple(_expectation(entry) for entry in _entries(results, name))) for name, title in _LISTS)
    return tuple((title, entries) for title, entries in lists if entries)


def count(results: Results, name: str) -> int:
    """How many entries a list has."""
    return len(_entries(results, name))


def marks(results: Results) -> dict[_Key, str]:
    """For each cell that differs from its baseline, in which direction."""
    return {
        _key(entry): mark
        for name, mark in reversed(_MARKS)
        for entry in _entries(results, name)
        if isinstance(entry, Mapping)
    }


def known(results: Results) -> dict[_Key, str]:
    """Find the cells that fail and are no worse than expected, each with the baseline's words and reason."""
    worse = {_key(entry) for entry in _entries(results, "regressions") if isinstance(entry, Mapping)}
    expected = {_key(entry): entry for entry in _entries(results, "expected") if isinstance(entry, Mapping)}
    return {
        cell.key: _known(expected[cell.key])
        for cell in results.cells
        if cell.outcome in _RED and cell.key not in worse and _is_red(expected.get(cell.key))
    }


def exit_code(results: Results) -> int | None:
    """Tell what the run was judged as, or None where no judgement was made."""
    code = results.expectations.get("exit_code")
    return code if isinstance(code, int) else None


def _is_red(entry: Mapping[str, Any] | None) -> bool:
    return entry is not None and entry.get("outcome") in _RED


def _known(entry: Mapping[str, Any]) -> str:
    reason = entry.get("reason")
    return words.expectation(entry) + (f" ({reason})" if reason else "")


def _entries(results: Results, name: str) -> tuple[Any, ...]:
    entries = results.expectations.get(name)
    return tuple(entries) if isinstance(entries, list | tuple) else ()


def _key(entry: Mapping[str, Any]) -> _Key:
    return (str(entry.get("environment")), str(entry.get("path")), str(entry.get("device")))


def _expectation(entry: Any) -> Expectation:
    if not isinstance(entry, Mapping):
        return Expectation(subject=str(entry), text="", reason="")
    subject = ", ".join(str(entry[name]) for name in ("environment", "path", "device") if entry.get(name))
    sides = [f"{side} {words.expectation(entry[side])}" for side in ("expected", "found") if side in entry]
    return Expectation(subject=subject, text=", ".join(sides), reason=str(entry.get("reason") or ""))
