"""A plan as text: what would run and why, what would not and why, what of all pairs that covers, and what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from asrcompat.plan.count import Coverage, coverage_of
from asrcompat.plan.document import KINDS, Plan, choices_text, in_short, reason_for
from asrcompat.planning.cost import told_cost
from asrcompat.report.words import plural


def plan_lines(plan: Plan) -> Iterator[str]:
    """The whole plan."""
    dated = f", as of {plan.as_of}" if plan.as_of else ""
    yield f"plan of profile {plan.profile}{dated}, made at {plan.made_at} (seed {plan.seed}, at most {plan.budget})"
    yield ""
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
    yield from coverage_lines(coverage_of(plan))
    yield f"cost: {told_cost(one.files for one in plan.rows)}"


def _pruned_lines(plan: Plan) -> Iterator[str]:
    counts = Counter(one.kind for one in plan.pruned)
    for kind, text in KINDS.items():
        if not counts[kind]:
            continue
        yield f"not planned: {text} ({counts[kind]}):"
        for one in plan.pruned:
            if one.kind == kind:
                yield f"    {choices_text(one)}: {in_short(one.reason)}"


def coverage_lines(coverage: Coverage) -> Iterator[str]:
    """What of all pairs a plan has."""
    yield (
        f"pairs: {coverage.all} in all, {len(coverage.impossible)} of them impossible, "
        f"{len(coverage.undecided)} undecided; {len(coverage.feasible)} feasible, of which {len(coverage.covered)} "
        f"planned ({coverage.share:.1%})"
    )
    for left, right in coverage.uncovered:
        yield f"    not planned: {left[0]} {left[1]} with {right[0]} {right[1]}"
