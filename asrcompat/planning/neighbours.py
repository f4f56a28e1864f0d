"""After a run, failures strengthen the plan: what lies next to one that nothing explains is tried before all else.

A neighbour differs in one axis, by one step. Whether it fails as well tells which of the versions the failure is of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from asrcompat.explain.signatures.judge import UNRECOGNISED
from asrcompat.model import Outcome, Results
from asrcompat.options import Options
from asrcompat.plan.document import Plan
from asrcompat.plan.space import Row
from asrcompat.result_files import ResultError, parse_results
from asrcompat.spec import request_id


def neighbours(options: Options, before: Plan | None, *, most: int, tell: Callable[[str], None]) -> tuple[Row, ...]:
    """At most so many rows next to the unexplained failures of the profile's last report, none of which it has run."""
    if before is None:
        return ()
    file = options.reports_folder / "results.json"
    try:
        results = parse_results(file.read_bytes(), source=file.name)
    except FileNotFoundError:
        return ()
    except (OSError, ResultError) as error:
        tell(f"plan: passed over: {error}")
        return ()
    rows = {one.id: one.row for one in before.rows if one.row is not None}
    surprising = [rows[name] for name in unexplained(results) if name in rows]
    found = list(next_to(surprising, before.axes, [one.row for one in before.rows if one.row is not None]))
    if found:
        tell(
            f"plan: {len(surprising)} environments failed in ways that nothing explains; {len(found)} lie next to them"
        )
    return tuple(found[:most])


def unexplained(results: Results) -> list[str]:
    """The environments with a failure that no signature is of."""
    failed = (Outcome.BROKEN, Outcome.UNSTABLE)
    cells = [cell for cell in results.cells if cell.outcome in failed and cell.signature in (None, UNRECOGNISED)]
    return list(dict.fromkeys(request_id(cell.environment) for cell in cells))


def next_to(surprising: Sequence[Row], axes: Mapping[str, Sequence[str]], known: Sequence[Row]) -> Iterator[Row]:
    """The rows one step from these along one axis, each once, but those known."""
    told = [dict(row) for row in known]
    for row in surprising:
        for axis, values in axes.items():
            place = values.index(row[axis])
            for value in (*values[max(place - 1, 0) : place], *values[place + 1 : place + 2]):
                near = {**row, axis: value}
                if near not in told:
                    told.append(near)
                    yield near
