"""What changed since the report before: what is newly broken apart from what was known, what moved, what would tell.

A package is blamed only where nothing else can have been it. Else all that moved is told, what the failure is known by
first, with the command that tells these apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from asrcompat.model import Cell, Changes, Device, Difference, Outcome, Results
from asrcompat.report import words
from asrcompat.report.difference import Line, Teller
from asrcompat.report.environments import EnvironmentRow
from asrcompat.report.grid import Target
from asrcompat.report.where import Key
from asrcompat.spec import request_id

_LINES = 40  # of one list
_RED = (Outcome.BROKEN, Outcome.UNSTABLE)
_NO_VERDICT = (Outcome.ERROR, Outcome.UNAVAILABLE)


@dataclass(frozen=True, kw_only=True)
class Group:
    """A list with its title; `worse` is what calls for somebody, `more` how many lines are left out."""

    title: str
    worse: bool
    cells: int
    lines: tuple[Line, ...]
    more: int


@dataclass(frozen=True, kw_only=True)
class Changed:
    """`summary` tells with which report this is compared; where nothing changed, that is all there is."""

    summary: str
    groups: tuple[Group, ...]
    known: str
    besides: str


def changed(
    results: Results,
    rows: Sequence[EnvironmentRow],
    targets: Mapping[Key, Target],
    titles: Mapping[str, str],
    reproduce: Callable[[Cell], str],
) -> Changed | None:
    """Prepare what changed; None of results that replaced no report of the same kind."""
    told = results.changes
    if told is None:
        return None
    teller = Teller(results, rows, targets, titles, reproduce)
    groups = []
    for title, worse, of in _lists(told, results):
        every = [teller.line(one) for one in of if one.kind != "new"] + teller.together(
            [o for o in of if o.kind == "new"]
        )
        if every:
            cells = sum(len(one.cells) for one in of)
            lines = tuple(every[:_LINES])
            groups.append(Group(title=title, worse=worse, cells=cells, lines=lines, more=len(every) - len(lines)))
    fresh = {(request_id(one.environment), *cell) for one in told.differences if _not_known(one) for cell in one.cells}
    guests = {one.id for one in results.environments if one.host is not None}  # they are compared with nothing
    red = [one for one in results.cells if one.outcome in _RED and one.environment not in guests]
    known = [one for one in red if (request_id(one.environment), one.path, one.device) not in fresh]
    day = told.generated_at.partition("T")[0]
    by = f" (by {told.commit[:7]})" if told.commit else ""
    compared = f"Compared with the report of {day}{by}"
    nothing = f"{compared}, nothing changed: each of its cells fares as it did."
    still = f"Known already: {words.plural(len(known), 'cell')} broken or unstable before, and now."
    return Changed(
        summary=f"{compared}, which this one replaced." if told.differences else nothing,
        groups=tuple(groups),
        known=still if known and told.differences else "",
        besides=_besides(told, results),
    )


def _not_known(one: Difference) -> bool:
    """Whether its cells were not seen to fail in the report before."""
    return one.kind in ("regressed", "unstable now", "undecided", "new")


def _is_new_and_red(one: Difference) -> bool:
    return one.kind == "new" and (one.after or "").partition(" ")[0] in _RED


def _lists(told: Changes, results: Results) -> Iterator[tuple[str, bool, list[Difference]]]:
    """The lists in their order, what calls for somebody first; that is what `worse` says."""
    every = [replace(one, cells=tuple(cell)) for one in _with_verdict(told, results) for cell in _alike(one, results)]
    yield "New failures", True, [one for one in every if one.kind in ("regressed", "unstable now")]
    yield "Failing of what was not in the report before", False, [one for one in every if _is_new_and_red(one)]
    yield "Failing otherwise than before", False, [one for one in every if one.kind == "fails otherwise"]
    yield "Fixed", False, [one for one in every if one.kind == "fixed"]


def _with_verdict(told: Changes, results: Results) -> Iterator[Difference]:
    """What is told of cells that have a verdict now: what others came to when last they had one is kept for then."""
    outcomes = {(request_id(cell.environment), cell.path, cell.device): cell.outcome for cell in results.cells}
    for one in told.differences:
        found = [(cell, outcomes.get((request_id(one.environment), *cell))) for cell in one.cells]
        cells = tuple(cell for cell, outcome in found if outcome is not None and outcome not in _NO_VERDICT)
        if one.kind == "gone" or cells:
            yield one if one.kind == "gone" else replace(one, cells=cells)


def _alike(one: Difference, results: Results) -> list[list[tuple[str, Device]]]:
    """The cells of a difference by what they fail of: what is told of one failure is not told of another."""
    signatures = {(request_id(cell.environment), cell.path, cell.device): cell.signature for cell in results.cells}
    groups: dict[str | None, list[tuple[str, Device]]] = {}
    for path, device in one.cells:
        groups.setdefault(signatures.get((request_id(one.environment), path, device)), []).append((path, device))
    return list(groups.values())


def _besides(told: Changes, results: Results) -> str:
    def count(kind: str) -> int:
        return sum(len(one.cells) for one in told.differences if one.kind == kind and not _is_new_and_red(one))

    parts = (
        (count("new"), "in this report alone and fine"),
        (count("gone"), "in the earlier one alone"),
        (count("undecided"), "could not be run in one of them, which says nothing of the packages"),
        (sum(len(one.cells) for one in results.last), "could not be run now, and will be compared with what they were"),
    )
    said = [f"{words.plural(number, 'cell')} {text}" for number, text in parts if number]
    return f"Besides: {'; '.join(said)}." if said else ""
