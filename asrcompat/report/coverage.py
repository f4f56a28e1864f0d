"""What a plan covers and what of it was seen: pairs of versions, counted from the results, and what is not planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from asrcompat.adapters import adapter
from asrcompat.model import Outcome, Results
from asrcompat.plan.count import Coverage, coverage_of, has
from asrcompat.plan.document import KINDS, Plan, Planned, Pruned, choices_text, in_short, reason_for
from asrcompat.plan.space import Pair
from asrcompat.report import words
from asrcompat.report.environments import EnvironmentRow
from asrcompat.report.grid import Entry, Grid, Line
from asrcompat.report.table import paths
from asrcompat.run.paths import packages
from asrcompat.spec import request_id

# What is imported of the packages that axes are named after: the distribution espnet-s3prl gives `s3prl` as well.
_IMPORTED = {"transformers": "transformers", "s3prl": "s3prl", "espnet": "espnet2"}
_VERDICTS = (Outcome.WORKS, Outcome.BROKEN, Outcome.UNSTABLE)
_SHOWN = 4  # environments named in one place of a table


@dataclass(frozen=True, kw_only=True)
class PairTable:
    """Every pair of two axes' values."""

    title: str
    grid: Grid


@dataclass(frozen=True, kw_only=True)
class PrunedGroup:
    """What is not planned for one kind of reason: each with its reason in short and in full."""

    title: str
    entries: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, kw_only=True)
class CoverageView:
    """What the coverage page shows."""

    intro: tuple[str, ...]
    axes: tuple[tuple[str, str], ...]
    passed_over: tuple[tuple[str, str], ...]
    counts: Grid
    tables: tuple[PairTable, ...]
    pruned: tuple[PrunedGroup, ...]
    lost: tuple[tuple[str, str], ...]
    uncovered: tuple[str, ...]
    planned: tuple[tuple[str, str], ...]
    beyond: tuple[tuple[str, str], ...]
    unused: tuple[str, ...]


def coverage_data(plan: Plan, results: Results) -> dict[str, Any]:
    """`Results.coverage`: the plan without what only the next one needs, and the counts of its pairs.

    ``counts`` are of pairs: all that can be written, ``impossible``, ``undecided`` and ``feasible`` ones, those
    ``planned``, those with a ``verdict`` and those seen ``working`` by some path that uses both packages; and by path
    the same of those pairs that it uses, ``of`` so many feasible ones. A broken import hides what lies behind it.
    """
    told = asdict(plan)
    told.pop("releases")
    for one in (*told["rows"], *told["beyond"]):
        one.pop("files")
    return {"plan": told, "counts": _counts(plan, coverage_of(plan), results)}


def _counts(plan: Plan, covered: Coverage, results: Results) -> dict[str, Any]:
    seen = _Seen(plan, results)
    used = {path: [pair for pair in covered.feasible if uses(path, pair)] for path in paths(results.cells)}
    by_path = {
        path: {
            "of": len(pairs),
            "verdict": sum(bool(seen.by(pair, _VERDICTS, [path])) for pair in pairs),
            "working": sum(bool(seen.by(pair, (Outcome.WORKS,), [path])) for pair in pairs),
        }
        for path, pairs in used.items()
    }
    return {
        "all": covered.all,
        "impossible": len(covered.impossible),
        "undecided": len(covered.undecided),
        "feasible": len(covered.feasible),
        "planned": len(covered.covered),
        "verdict": sum(bool(seen.by(pair, _VERDICTS)) for pair in covered.feasible),
        "working": sum(bool(seen.by(pair, (Outcome.WORKS,))) for pair in covered.feasible),
        "paths": by_path,
    }


def uses(path: str, pair: Pair) -> bool:
    """Whether a path says something of a pair: it uses both packages; Python and torch are everyone's."""
    return all(uses_axis(path, axis) for axis, _ in pair)


def uses_axis(path: str, axis: str) -> bool:
    """Whether a path uses the package of an axis."""
    return axis not in _IMPORTED or _IMPORTED[axis] in packages(path)


class _Seen:
    """Which environments show a pair, by the paths that use both of its packages."""

    def __init__(self, plan: Plan, results: Results) -> None:
        locks = {request_id(one.id): one.lock_sha256 for one in results.environments}
        # but those whose result is of another lock: it may be of other versions
        self.rows = {
            one.id: one.row
            for one in plan.rows
            if one.row is not None and locks.get(one.id, one.lock_sha256) == one.lock_sha256
        }
        self._cells: dict[tuple[str, str], set[Outcome]] = {}
        for cell in results.cells:
            self._cells.setdefault((request_id(cell.environment), cell.path), set()).add(cell.outcome)
        self._paths = paths(results.cells)

    def having(self, pair: Pair) -> list[str]:
        """The planned environments that have a pair."""
        return [name for name, row in self.rows.items() if has(row, pair)]

    def nothing(self, pair: Pair) -> str:
        """Why nothing is told of a pair."""
        if not self.having(pair):
            return "not planned"
        return "not run" if any(uses(path, pair) for path in self._paths) else "no path uses both"

    def by(self, pair: Pair, outcomes: Sequence[Outcome], wanted: Sequence[str] | None = None) -> list[str]:
        """Those in which a path that uses both (one of those `wanted`) came to one of these outcomes on some device."""
        using = [path for path in (self._paths if wanted is None else wanted) if uses(path, pair)]
        return [
            name
            for name in self.having(pair)
            if any(self._cells.get((name, path), set()) & set(outcomes) for path in using)
        ]


def coverage(results: Results, environment_rows: Sequence[EnvironmentRow]) -> CoverageView | None:
    """The page of a covering profile's results; None where there was no plan."""
    if not results.coverage:
        return None
    plan = adapter(Plan).validate_python({**results.coverage["plan"], "releases": {}})
    counts = words.mapping(results.coverage, "counts")
    covered = coverage_of(plan)
    return CoverageView(
        intro=tuple(_intro(plan, counts)),
        axes=tuple((axis, ", ".join(values)) for axis, values in plan.axes.items()),
        passed_over=tuple(
            (f"{axis} {value}", why) for axis, left in plan.passed_over.items() for value, why in left.items()
        ),
        counts=_count_table(counts),
        tables=tuple(_tables(plan, covered, results, environment_rows)),
        pruned=tuple(_pruned(plan.pruned)),
        lost=tuple((pair_text(pair), why) for pair, why in lost(plan)),
        uncovered=tuple(map(pair_text, covered.uncovered)),
        planned=_told(plan.rows),
        beyond=_told(plan.beyond),
        unused=plan.unused,
    )


def _intro(plan: Plan, counts: Mapping[str, Any]) -> Iterator[str]:
    dated = f" as the index stood on {plan.as_of}" if plan.as_of else ""
    yield (
        f"Chosen at {plan.made_at}{dated} (seed {plan.seed}, at most {plan.budget}): of {counts['all']} pairs of two "
        f"axes' versions {counts['impossible']} cannot be, {counts['undecided']} could not be decided, and of the "
        f"{counts['feasible']} that can be {counts['planned']} are planned, {counts['verdict']} have a verdict and "
        f"{counts['working']} were seen working by some path that uses both packages."
    )
    for package, releases in plan.new.items():
        yield f"New since the plan before: {package} {', '.join(releases)}."


def _told(planned: Sequence[Planned]) -> tuple[tuple[str, str], ...]:
    return tuple((one.id, reason_for(one)) for one in planned)


def _count_table(counts: Mapping[str, Any]) -> Grid:
    def share(count: int, of: int) -> Entry:
        return Entry(text=f"{count} of {of} ({count / of:.0%})" if of else "0")

    return Grid(
        corner="path",
        columns=(Entry(text="pairs with a verdict"), Entry(text="pairs seen working")),
        lines=tuple(
            Line(head=Entry(text=path), entries=(share(one["verdict"], one["of"]), share(one["working"], one["of"])))
            for path, one in counts["paths"].items()
        ),
    )


def _tables(
    plan: Plan, covered: Coverage, results: Results, environment_rows: Sequence[EnvironmentRow]
) -> Iterator[PairTable]:
    """A table for each two axes: where a pair was seen working, where it only ran, where it cannot be."""
    impossible, undecided = set(covered.impossible), set(covered.undecided)
    seen = _Seen(plan, results)
    numbered = {request_id(row.environment.id): row for row in environment_rows}

    def entry(pair: Pair) -> Entry:
        if pair in impossible:
            return Entry(text="cannot be", kind="absent")
        for outcome, outcomes in ((Outcome.WORKS, (Outcome.WORKS,)), (Outcome.BROKEN, _VERDICTS)):
            names = [numbered[name] for name in seen.by(pair, outcomes) if name in numbered]
            if names:
                more = f" +{len(names) - _SHOWN}" if len(names) > _SHOWN else ""
                shown = ", ".join(str(row.number) for row in names[:_SHOWN])
                return Entry(text=f"{words.SIGNS[outcome]} {shown}{more}", target=names[0].target, kind=outcome.value)
        return Entry(text="undecided" if pair in undecided else seen.nothing(pair), kind="error")

    for one, other in combinations(plan.axes, 2):
        yield PairTable(
            title=f"{one} with {other}",
            grid=Grid(
                corner=one,
                columns=tuple(Entry(text=value) for value in plan.axes[other]),
                lines=tuple(
                    Line(
                        head=Entry(text=value),
                        entries=tuple(entry(((one, value), (other, another))) for another in plan.axes[other]),
                    )
                    for value in plan.axes[one]
                ),
            ),
        )


def pair_text(pair: Pair) -> str:
    """A pair in words."""
    return " with ".join(f"{axis} {value}" for axis, value in pair)


def lost(plan: Plan) -> Iterator[tuple[Pair, str]]:
    """The pairs that nothing forbids by itself and that can be with nothing else, and by what."""
    for one in plan.impossible:
        why = [plan.pruned[n] for n in one.pruned]
        if not any(set(each.choices) <= set(one.pair) for each in why):
            yield one.pair, "; ".join(f"{choices_text(each)} ({each.kind})" for each in why)
    for pair in plan.undecided:
        if not any(set(one.choices) <= set(pair) for one in plan.pruned):
            yield pair, "undecided: only what says nothing of the packages forbids it"


def _pruned(pruned: Sequence[Pruned]) -> Iterator[PrunedGroup]:
    counts = Counter(one.kind for one in pruned)
    for kind, title in KINDS.items():
        if counts[kind]:
            entries = tuple((choices_text(one), in_short(one.reason), one.reason) for one in pruned if one.kind == kind)
            yield PrunedGroup(title=f"{title} ({counts[kind]})", entries=entries)
