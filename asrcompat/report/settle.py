"""What settles what a change came of: the command that tells candidates apart, or the boundary that did already."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from asrcompat.advice.candidate import parsed
from asrcompat.explain.changed import ABSENT, found_rules
from asrcompat.model import Boundary, Cell, Device, Difference, Environment, Moved, Results
from asrcompat.report.boundaries import limit, package
from asrcompat.report.rules import fails_if
from asrcompat.report.sanitize import one_line
from asrcompat.report.where import label
from asrcompat.spec import request_id

_NO_AXIS = "python"  # another interpreter is another environment, and no release of a package


def found_boundary(one: Difference, moved: Moved, results: Results) -> Boundary | None:
    """A boundary that a bisection found, of what moved across it; in the environment itself, or else in another."""
    crossed = [each for each in results.boundaries if each.verdict in ("found", "gap") and _crosses(each, one, moved)]
    own = [each for each in crossed if each.environment == one.environment]
    return next(iter(own or crossed), None)


def boundary_told(one: Boundary, numbers: dict[str, str]) -> str:
    """A boundary in a line."""
    where = f"environment {numbers[one.environment]}" if one.environment in numbers else one.environment
    return f"Bisected in {where} by {label(one.path, one.device)}: {package(one)}: {limit(one)}"


def rule_told(cell: Cell, results: Results) -> Iterator[str]:
    """The rule that runs found about a cell's failure; of one that is open, what would tell more."""
    for rule in found_rules(results, cell):
        yield f"By the runs of this report it {fails_if(rule)}"
        return
    place = {"path": cell.path, "device": cell.device.value}
    for rule in results.rules:
        about = rule["signature"] == cell.signature and cell.recognised is not None and place in rule["subjects"]
        if about and rule["verdict"] == "undetermined" and rule.get("experiment"):
            ours = f"nox -s rules -- --profile {results.profile} --weights {results.weights}"
            yield f"On which versions it depends is open: {ours} runs what tells more"
            return


def _crosses(boundary: Boundary, one: Difference, moved: Moved) -> bool:
    pair = moved.versions.get(boundary.axis)
    if pair is None or (boundary.path, boundary.device) not in one.cells:
        return False
    if boundary.last_good is None or boundary.first_bad is None:
        return False
    before, after, good, bad = map(parsed, (*pair, boundary.last_good, boundary.first_bad))
    return before <= good < bad <= after or after <= bad < good <= before


def command(one: Difference, moved: Moved, environment: Environment, results: Results, again: str) -> str:
    """The command line that settles it, in a checkout; none where no search can tell. `again` runs the cell again."""
    path, device = one.cells[0]
    if not moved.versions:
        return again
    words = []
    name = one.culprit or (next(iter(moved.versions)) if len(moved.versions) == 1 else None)
    if name is None and moved.lock is not None and environment.lock is not None:
        folder = f"{results.changes.folder}/" if results.changes is not None and results.changes.folder else ""
        words += ["--locks", folder + moved.lock, folder + environment.lock]
    else:
        name = name or next((each for each in (*one.suspects, *moved.versions) if each != _NO_AXIS), _NO_AXIS)
        before, after = (version.partition("+")[0] for version in moved.versions[name])  # builds are no releases
        if name == _NO_AXIS or ABSENT in (before, after) or before == after:
            return ""  # there is no release of it to go back to
        words += ["--axis", name, "--good", before, "--bad", after]
    words += ["--environment", request_id(environment.id), "--path", path]
    words += ["--devices", device] if device is not Device.CPU else []
    words += ["--stage", stage] if (stage := _stage(one)) else []
    words += ["--profile", results.profile, "--weights", results.weights]
    # it is there to be copied into a shell, and a report may have come from anywhere
    return f"nox -s bisect -- {shlex.join(map(one_line, words))}"


def _stage(one: Difference) -> str:
    """What the good ones pass, where the earlier report had no cell that works."""
    return "" if one.before == "works" else (one.after or "").rpartition(" at ")[2]
