"""After a run, failures strengthen the next plan: what lies next to one that nothing explains is tried first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from asrcompat.argument_types import Budget
from asrcompat.model import Environment, Outcome, Results
from asrcompat.options import Options
from asrcompat.plan.near import row_that_ran
from asrcompat.plan.space import Row
from asrcompat.result_files import ResultError, parse_results
from asrcompat.spec import request_id


@dataclass(frozen=True, kw_only=True)
class LastRun:
    """The rows that the profile's last report tells of, and those with a failure that nothing explains."""

    rows: tuple[Row, ...] = ()
    surprising: tuple[Row, ...] = ()


def last_run(options: Options, tell: Callable[[str], None]) -> LastRun:
    """What the newest report on the profile tells, on a part of it or on the whole, whatever is asked for now."""
    found = max(_reports(options, tell), key=lambda one: one.generated_at, default=None)
    if found is None:
        return LastRun()
    names = unexplained(found)

    def rows(environments: Iterator[Environment]) -> tuple[Row, ...]:
        return tuple(row for one in environments if (row := row_that_ran(one)) is not None)

    surprising = rows(one for one in found.environments if request_id(one.id) in names)
    return LastRun(rows=rows(iter(found.environments)), surprising=surprising)


def unexplained(results: Results) -> list[str]:
    """The environments with a failure that no signature is of."""
    failed = (Outcome.BROKEN, Outcome.UNSTABLE)
    cells = [cell for cell in results.cells if cell.outcome in failed and cell.recognised is None]
    return list(dict.fromkeys(request_id(cell.environment) for cell in cells))


def _reports(options: Options, tell: Callable[[str], None]) -> Iterator[Results]:
    whole = replace(options, room=None, shard=None)
    folders = (whole.reports_folder, replace(whole, room=Budget(environments=1)).reports_folder)
    for file in dict.fromkeys(folder / "results.json" for folder in folders):
        try:
            yield parse_results(file.read_bytes(), source=file.name)
        except FileNotFoundError:
            continue
        except (OSError, ResultError) as error:
            tell(f"plan: passed over: {error}")
