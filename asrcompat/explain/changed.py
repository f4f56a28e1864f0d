"""What changed between two reports: which cells fare otherwise, and which packages moved in their environments.

Where one package alone moved, the harness's code is the same and nothing comes and goes, that package is named. Of
several, those that the failure is known by (its signature's package, one of which another release cures it, or a rule
that runs have found) are suspected, and no more than that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from packaging.utils import canonicalize_name

from asrcompat.model import Cell, Environment, LastVerdicts, Outcome, Results
from asrcompat.report import words
from asrcompat.run.lock import versions_of
from asrcompat.spec import request_id

ABSENT = "-"

NO_VERDICT = frozenset({Outcome.ERROR, Outcome.UNAVAILABLE})
_ANOTHER_VERSION = ("axis", "pin")  # cures that are another release of a package


class Kind(StrEnum):
    """What became of a cell, worst first."""

    REGRESSED = "regressed"
    UNSTABLE = "unstable now"
    OTHERWISE = "fails otherwise"
    FIXED = "fixed"
    GONE = "gone"
    NEW = "new"
    UNDECIDED = "undecided"


_BECAME = {
    (Outcome.WORKS, Outcome.BROKEN): Kind.REGRESSED,
    (Outcome.UNSTABLE, Outcome.BROKEN): Kind.REGRESSED,
    (Outcome.WORKS, Outcome.UNSTABLE): Kind.UNSTABLE,
    (Outcome.BROKEN, Outcome.WORKS): Kind.FIXED,
    (Outcome.UNSTABLE, Outcome.WORKS): Kind.FIXED,
}


@dataclass(frozen=True, kw_only=True)
class Edition:
    """A report, with the texts of the locks that it names, as far as they could be read.

    `last` are verdicts to compare with where the report has none: those that its cells had when last they had some.
    """

    name: str
    results: Results
    locks: Mapping[str, str] = field(default_factory=dict)
    last: tuple[LastVerdicts, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A cell that fares otherwise: `before` and `after` in words, one of them empty where it is new or gone.

    `moved` holds the versions of every package that differs, `ABSENT` for none; `whole` where both locks were read.
    `suspects` are those of them that the failure is known by. `code`: the harness's own code moved as well.
    """

    environment: str
    path: str
    device: str
    kind: Kind
    before: str
    after: str
    moved: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    whole: bool = False
    suspects: tuple[str, ...] = ()
    code: bool = False

    @property
    def culprit(self) -> str | None:
        """The package that alone moved, where all that could have been known of the rest."""
        sure = self.whole and not self.code and self.kind is not Kind.UNDECIDED
        chance = any(str(Outcome.UNSTABLE) in told for told in (self.before, self.after))
        return next(iter(self.moved)) if sure and not chance and len(self.moved) == 1 else None


def changed(before: Edition, after: Edition) -> tuple[Changed, ...]:
    """The cells that differ, worst first, then in the order of the later report."""
    found = [one for pair in paired(before, after) if (one := compared(pair, before, after)) is not None]
    return tuple(sorted(found, key=lambda one: list(Kind).index(one.kind)))


_Key = tuple[str, str, str]
Found = tuple[Environment, Cell]
Pair = tuple[_Key, Found | None, Found | None]


def paired(before: Edition, after: Edition) -> Iterator[Pair]:
    """Every cell of both by environment, path and device, in the order of the later report; None where it has none."""
    old, new = _by_key(before, after), _by_key(after, before)
    for key in [*new, *(key for key in old if key not in new)]:
        yield key, old.get(key), new.get(key)


def _by_key(edition: Edition, other: Edition) -> dict[_Key, Found]:
    """The cells by environment, path and device, without those of a person's own environments.

    An environment goes by its id where the other report has it too, else by its request's, unless two of them share it.
    """
    environments = {one.id: one for one in edition.results.environments if one.host is None}
    there = {one.id for one in (*other.results.environments, *(one.environment for one in other.last))}
    requests = Counter(map(request_id, environments))

    def key(identity: str, cell: Cell) -> _Key:
        name = identity if identity in there or requests[request_id(identity)] > 1 else request_id(identity)
        return name, cell.path, cell.device.value

    found = {
        key(cell.environment, cell): (environments[cell.environment], cell)
        for cell in edition.results.cells
        if cell.environment in environments
    }
    for one in edition.last:
        for cell in one.cells:
            place = key(one.environment.id, cell)
            if place not in found or found[place][1].outcome in NO_VERDICT:
                found[place] = one.environment, cell
    return found


def compared(pair: Pair, before: Edition, after: Edition) -> Changed | None:
    """What became of a cell of both reports; None where it fares as before, or never had a verdict."""
    key, old, new = pair
    kind = _kind(old and old[1], new and new[1])
    if kind is None:
        return None
    told = ["" if one is None else told_of(one[1]) for one in (old, new)]
    environment, path, device = key
    facts = {} if old is None or new is None else dict(_moved(old[0], new[0], before, after))
    # of other weights more differs than packages
    whole = bool(facts.pop("", None)) and before.results.weights == after.results.weights
    failing = next((one for one in (new, old) if one is not None and one[1].failed is not None), None)
    suspects = () if failing is None else _suspects(failing[1], after.results if failing is new else before.results)
    return Changed(
        environment=environment,
        path=path,
        device=device,
        kind=kind,
        before=told[0],
        after=told[1],
        moved=facts,
        whole=whole,
        suspects=tuple(name for name in facts if canonicalize_name(name) in suspects),
        code=old is not None and new is not None and (old[0].code is None or old[0].code != new[0].code),
    )


def told_of(cell: Cell) -> str:
    """An outcome in words, as reports have it."""
    return f"{cell.outcome} at {cell.stage}" if cell.failed else str(cell.outcome)


def _kind(old: Cell | None, new: Cell | None) -> Kind | None:
    """What became of a cell; None where it fares as before, or never had a verdict."""
    there = [one for one in (old, new) if one is not None]
    verdicts = [one for one in there if one.outcome not in NO_VERDICT]
    if not verdicts:
        return None
    if old is None or new is None:
        return Kind.NEW if old is None else Kind.GONE
    if len(verdicts) < len(there):
        return Kind.UNDECIDED
    return None if _alike(old, new) else _BECAME.get((old.outcome, new.outcome), Kind.OTHERWISE)


def _alike(old: Cell, new: Cell) -> bool:
    """Whether two cells fare alike; a failure that a report does not recognise is known by what it said."""
    if (old.outcome, old.failed) != (new.outcome, new.failed):
        return False
    if old.recognised is not None and new.recognised is not None:
        return old.recognised == new.recognised
    if old.exception != new.exception:
        return False
    # one that was recognised since said what it says
    said = [words.alike(cell.message.partition("\n")[0]) for cell in (old, new)]
    return said[0] == said[1] or old.recognised != new.recognised


def _moved(
    old: Environment, new: Environment, before: Edition, after: Edition
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Every package whose version differs; an empty name where both locks were read, and so these are all."""
    locked = [versions_of(edition.locks.get(one.lock or "", "")) for edition, one in ((before, old), (after, new))]
    texts = [edition.locks.get(one.lock or "", "") for edition, one in ((before, old), (after, new))]
    whole = all(locked) and not any(" @ " in text for text in texts)  # what comes from an address tells no version
    versions = [
        {"python": one.python, **({**lock, **one.packages} if whole else one.packages)}
        for lock, one in zip(locked, (old, new), strict=True)
    ]
    if whole:
        yield "", (ABSENT, ABSENT)
    first = [*new.packages, "python", *sorted(versions[0].keys() | versions[1].keys())]
    for name in dict.fromkeys(first):
        pair = versions[0].get(name, ABSENT), versions[1].get(name, ABSENT)
        if pair[0] != pair[1]:
            yield name, pair


def _suspects(cell: Cell, results: Results) -> set[str]:
    """The packages that a failure is known by: one that raised it, another version of which cures it, or a rule's."""
    if cell.recognised is None:
        return set()
    known = [one for one in results.signatures if one.get("id") == cell.recognised]
    named = {str(one.get("package") or "") for one in known}
    cures = [cure for one in known for cure in one.get("cures", ()) if cure["kind"] in _ANOTHER_VERSION]
    named |= {re.split(r"[=<>!~ ]", str(cure["value"]), maxsplit=1)[0] for cure in cures}
    alternatives = (alternative for rule in found_rules(results, cell) for alternative in rule["alternatives"])
    conditions = [choice[0] for alternative in alternatives for choice in alternative]
    return {canonicalize_name(name) for name in (*named, *(str(one["package"]) for one in conditions)) if name}


def found_rules(results: Results, cell: Cell) -> Iterator[Mapping[str, Any]]:
    """The rules that runs have found about this cell's failure, on its path and device."""
    place = {"path": cell.path, "device": cell.device.value}
    for rule in results.rules:
        if rule["verdict"] == "found" and rule["signature"] == cell.recognised and place in rule["subjects"]:
            yield rule


def in_both(before: Edition, after: Edition) -> list[tuple[Cell, Cell]]:
    """The cells that both reports have: the earlier one's and the later one's."""
    return [(old[1], new[1]) for _, old, new in paired(before, after) if old is not None and new is not None]
