"""A plan as text: what would run and why, what would not and why, what of all pairs that covers, and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from asrcompat.plan.count import coverage_of
from asrcompat.plan.document import KINDS, Plan, choices_text, in_short, reason_for
from asrcompat.planning.cost import cost, told_cost
from asrcompat.report.coverage import lost, pair_text
from asrcompat.report.words import plural


def plan_lines(plan: Plan, *, tried: str, time: str) -> Iterator[str]:
    """The whole plan; `tried` tells what is run in each environment, `time` how long that may take."""
    dated = f", as of {plan.as_of}" if plan.as_of else ""
    yield f"plan of profile {plan.profile}{dated}, made at {plan.made_at} (seed {plan.seed}, at most {plan.budget})"
    yield ""
    yield tried
    for axis, values in plan.axes.items():
        yield f"{axis}: {', '.join(values)}"
        for value, why in plan.passed_over.get(axis, {}).items():
            yield f"    not {value}: {why}"
    for package, releases in plan.new.items():
        yield f"new since the last plan: {package} {', '.join(releases)}"
    for rule in plan.unused:
        yield f"matches nothing here: {rule}"
    yield ""
    yield f"runs, the most valuable first ({plural(len(plan.rows), 'environment')}):"
    for one in plan.rows:
        yield f"    {one.id}: {in_short(reason_for(one))}"
    if plan.beyond:
        yield f"beyond the budget ({plural(len(plan.beyond), 'environment')}):"
        for one in plan.beyond:
            yield f"    {one.id}: {reason_for(one)}"
    yield ""
    yield from _pruned_lines(plan)
    yield ""
    yield from coverage_lines(plan)
    yield f"cost: {told_cost(one.files for one in plan.rows)}; {time}"


def _pruned_lines(plan: Plan) -> Iterator[str]:
    counts = Counter(one.kind for one in plan.pruned)
    for kind, text in KINDS.items():
        if not counts[kind]:
            continue
        yield f"not planned: {text} ({counts[kind]}):"
        for one in plan.pruned:
            if one.kind == kind:
                yield f"    {choices_text(one)}: {in_short(one.reason)}"


def coverage_lines(plan: Plan) -> Iterator[str]:
    """What of all pairs a plan has, and which cannot be or could not be decided."""
    coverage = coverage_of(plan)
    together = dict(lost(plan))
    for title, pairs in (("impossible", coverage.impossible), ("undecided", coverage.undecided)):
        for pair in pairs:
            why = together.get(pair, "as told above")
            yield f"    {title}: {pair_text(pair)}: {why}"
    yield (
        f"pairs: {coverage.all} in all, {len(coverage.impossible)} of them impossible, "
        f"{len(coverage.undecided)} undecided; {len(coverage.feasible)} feasible, of which {len(coverage.covered)} "
        f"planned ({coverage.share:.1%})"
    )
    if coverage.uncovered:
        count = plural(len(coverage.uncovered), "pair")
        yield f"    not planned, {count}: {'; '.join(map(pair_text, coverage.uncovered))}"


def summary(plan: Plan, *, seconds: float) -> dict[str, Any]:
    """The plan's numbers for programs: pairs, and what a run costs."""
    coverage = coverage_of(plan)
    return {
        "pairs": {
            "all": coverage.all,
            "impossible": len(coverage.impossible),
            "undecided": len(coverage.undecided),
            "feasible": len(coverage.feasible),
            "planned": len(coverage.covered),
        },
        "environments": len(plan.rows),
        "seconds": round(seconds),
        **cost(one.files for one in plan.rows),
    }
