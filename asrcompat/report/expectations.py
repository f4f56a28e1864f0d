"""What was expected, as the caller put it into `Results.expectations`.

The mapping holds lists of entries ``{"environment", "path", "device", "expected", "found", "reason"}``
under ``regressions``, ``news``, ``unfinished`` and ``unlisted`` (found, with nothing expected), each with the reason of
what was found; the exit code under ``exit_code``; and under ``expected`` the baseline of the whole profile as
``{"environment", "path", "device", "outcome", "stage", "reason"}``. The report only tells them; what counts as worse is
decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asrcompat.model import Outcome, Results
from asrcompat.report import sanitize, words

_LISTS = (
    ("regressions", "Worse than expected"),
    ("news", "Better than expected"),
    ("unfinished", "Not finished"),
    ("unlisted", "Not in the baseline"),
)
_MARKS = (("regressions", "regression"), ("news", "better than expected"))

_REASON_LENGTH = 300

_RED = (Outcome.BROKEN, Outcome.UNSTABLE)

_Key = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """Cells of an environment whose result differs from their baseline, or is missing, all in the same way."""

    subject: str
    text: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """One list, by its `name` in the results; one that is `folded` calls for no action tonight, and may be long."""

    name: str
    title: str
    entries: tuple[Expectation, ...]
    cells: int
    folded: bool


def told(results: Results) -> tuple[Expectations, ...]:
    """Give the lists that have entries, with their titles, worst first; not those of environments without any result.

    These are told apart, each once and not cell by cell.
    """
    there = {name: [one for one in _entries(results, name) if not _is_missing(one, results)] for name, _ in _LISTS}
    lists = (
        Expectations(
            name=name,
            title=title,
            entries=_grouped(there[name]),
            cells=len(there[name]),
            folded=name == "unlisted",
        )
        for name, title in _LISTS
    )
    return tuple(one for one in lists if one.entries)


def _is_missing(entry: Any, results: Results) -> bool:
    return isinstance(entry, Mapping) and str(entry.get("environment")) in results.missing


def without_result(results: Results) -> int:
    """How many cells are expected and have no result, of environments that have one."""
    return sum(
        isinstance(one, Mapping) and one.get("found") == "missing" and not _is_missing(one, results)
        for one in _entries(results, "unfinished")
    )


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


def _grouped(entries: Sequence[Any]) -> tuple[Expectation, ...]:
    """Tell paths of one environment and device together where expected, found and reason are the same."""
    groups: dict[tuple[str, ...], dict[str, None]] = {}
    for entry in entries:
        if isinstance(entry, Mapping):
            sides = [_side(side, entry[side]) for side in ("expected", "found") if side in entry]
            place = [str(entry.get(name) or "") for name in ("environment", "device")]
            reason = sanitize.one_line(words.without_ours(words.text(entry, "reason")), _REASON_LENGTH)
            groups.setdefault((*place, reason, ", ".join(sides)), {})[str(entry.get("path") or "")] = None
        else:
            groups.setdefault((str(entry), "", "", ""), {})[""] = None
    return tuple(
        Expectation(subject=", ".join(filter(None, [environment, *paths, device])), text=text, reason=reason)
        for (environment, device, reason, text), paths in groups.items()
    )


def _side(side: str, value: Any) -> str:
    # That nothing is expected is not that a failure is.
    return "not in the baseline" if side == "expected" and value is None else f"{side} {words.expectation(value)}"
