"""What changed, as text and as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from asrcompat.explain.changed import Changed, Edition, Kind, in_both
from asrcompat.model import Cell
from asrcompat.report.sanitize import printable
from asrcompat.report.where import label
from asrcompat.report.words import plural

_SHOWN = 8  # packages that moved, by name
_ABOUT = {
    Kind.REGRESSED: "worked, or worked at times, and is broken now",
    Kind.UNSTABLE: "worked and fails at times now",
    Kind.OTHERWISE: "failed, and fails in another way or at another stage",
    Kind.FIXED: "failed and works now",
    Kind.GONE: "is in the earlier one alone",
    Kind.NEW: "is in the later one alone",
    Kind.UNDECIDED: "could not be run in one of them, which says nothing of the packages",
}


def lines(before: Edition, after: Edition, found: Sequence[Changed]) -> Iterator[str]:
    """What a person reads."""
    for line in _lines(before, after, found):
        yield printable(line)  # a report may have come from anywhere


def _lines(before: Edition, after: Edition, found: Sequence[Changed]) -> Iterator[str]:
    for one in (before, after):
        results = one.results
        commit = str(results.harness.get("commit", ""))[:7]
        yield f"{one.name}: profile {results.profile}, weights {results.weights}, {results.generated_at}, by {commit}"
    if before.results.weights != after.results.weights:
        yield "they are of different weights: some of what differs may come of that"
    if before.results.profile != after.results.profile:
        yield "they are of different profiles: what one of them alone has is left out"
        found = [one for one in found if one.kind not in (Kind.NEW, Kind.GONE)]
    yield from _in_common(in_both(before, after), found)
    for kind in Kind:
        of = [one for one in found if one.kind is kind]
        if of:
            yield ""
            yield f"{kind} ({plural(len(of), 'cell')}): {_ABOUT[kind]}"
            yield from _grouped(of)


def _in_common(both: Sequence[tuple[Cell, Cell]], found: Sequence[Changed]) -> Iterator[str]:
    """What the comparison rests on, where that is little or nothing came of it."""
    cells = plural(len(both), "cell")
    if not both:
        yield "no cell is in both: there is nothing to compare"
    elif all(_is_one_run(*pair) for pair in both):
        yield f"the same runs: both have {cells} in common, and none of them was run anew from one to the other"
    elif not found:
        yield f"nothing fares otherwise: both have {cells} in common"


def _is_one_run(old: Cell, new: Cell) -> bool:
    """Whether two reports tell of one run; of what never ran, whether they tell the same."""
    return old.evidence == new.evidence and (old.evidence is not None or old == new)


def _grouped(found: Sequence[Changed]) -> Iterator[str]:
    """Cells of one environment that changed alike together."""
    groups: dict[tuple[Any, ...], list[Changed]] = {}
    for one in found:
        groups.setdefault((one.environment, one.before, one.after, one.suspects), []).append(one)
    for (environment, before, after, _), of in groups.items():
        paths = ", ".join(label(one.path, one.device) for one in of)
        became = " -> ".join(filter(None, (before, after)))
        yield f"  {environment}: {paths}: {became}"
        if before and after:
            yield f"     {_moved(of[0])}"


def _moved(one: Changed) -> str:
    code = "; the harness's own code moved as well" if one.code else ""
    if not one.moved:
        nothing = "no package moved" if one.whole else "no package of the axes moved, and a lock could not be read"
        return f"{nothing}{code or ': the run itself, the machine, or chance'}"
    if one.culprit is not None:
        return f"{_told(one.moved)}, which alone moved"
    shown = dict(list(one.moved.items())[:_SHOWN])
    more = len(one.moved) - len(shown)
    rest = f" and {plural(more, 'other package')}" if more else ""
    known = f"; the failure is known by {', '.join(one.suspects)}" if one.suspects else ""
    part = "" if one.whole else " (of the axes alone: a lock could not be read)"
    return f"moved: {_told(shown)}{rest}{part}{known}{code}"


def _told(moved: Mapping[str, tuple[str, str]]) -> str:
    return ", ".join(f"{name} {before} -> {after}" for name, (before, after) in moved.items())


def data(before: Edition, after: Edition, found: Sequence[Changed]) -> dict[str, Any]:
    """The same for programs."""
    return {
        "schema": 1,
        **{
            side: {
                "name": one.name,
                "profile": one.results.profile,
                "weights": one.results.weights,
                "generated_at": one.results.generated_at,
            }
            for side, one in (("before", before), ("after", after))
        },
        "changed": [
            {
                "environment": one.environment,
                "path": one.path,
                "device": one.device,
                "kind": one.kind.value,
                "before": one.before or None,
                "after": one.after or None,
                "moved": {name: list(pair) for name, pair in one.moved.items()},
                "all_that_moved": one.whole,
                "culprit": one.culprit,
                "suspects": list(one.suspects),
                "code_moved": one.code,
            }
            for one in found
        ],
    }
