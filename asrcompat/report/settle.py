"""What settles what a change came of: the command that tells candidates apart, or the boundary that did already."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from asrcompat.advice.candidate import parsed
from asrcompat.explain.changed import ABSENT, found_rules
from asrcompat.explain.when import day
from asrcompat.model import Boundary, Cell, Device, Difference, Environment, Moved, Results, Stage
from asrcompat.printable import shell_line
from asrcompat.report.boundaries import limit, package
from asrcompat.report.rules import fails_if
from asrcompat.report.where import label
from asrcompat.spec import request_id

_NO_AXIS = "python"  # another interpreter is another environment, and no release of a package


@dataclass(frozen=True, kw_only=True)
class Settling:
    """A command line to run in a checkout, and what it tells; both empty where no search can tell."""

    aim: str = ""
    command: str = ""


def found_boundary(one: Difference, moved: Moved, results: Results) -> Boundary | None:
    """A boundary that a bisection found, of what moved across it; in the environment itself, or else in another."""
    crossed = [each for each in results.boundaries if each.verdict in ("found", "gap") and _crosses(each, one, moved)]
    own = [each for each in crossed if each.environment == one.environment]
    return next(iter(own or crossed), None)


def boundary_told(one: Boundary, numbers: dict[str, str]) -> str:
    """A boundary in a line."""
    where = f"environment {numbers[one.environment]}" if one.environment in numbers else one.environment
    when = f" ({seen})" if (seen := day(one.earlier)) else ""
    return f"Bisected in {where} by {label(one.path, one.device)}{when}: {package(one)}: {limit(one)}"


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


def settling(one: Difference, moved: Moved, environment: Environment, results: Results, again: str) -> Settling:
    """What settles it: a search among what moved, or the cell run again, by `again`."""
    path, device = one.cells[0]
    if not can_be_searched(one):
        return Settling()
    if not moved.versions:
        return Settling(aim="Whether it does so again", command=again)
    name = one.culprit or (next(iter(moved.versions)) if len(moved.versions) == 1 else None)
    # a report that lies outside of the checkout has its locks where no command in the checkout can name them
    folder = results.changes.folder if results.changes is not None else ""
    if name is None and moved.lock is not None and environment.lock is not None and folder:
        aim = "Which of these did it"
        words = ["--locks", f"{folder}/{moved.lock}", f"{folder}/{environment.lock}"]
    else:
        wanted = [name] if name is not None else [*one.suspects, *moved.versions]
        name = next((each for each in wanted if each in moved.versions and _has_releases(each, moved)), None)
        if name is None:
            return Settling()
        before, after = _releases(name, moved)
        sure = one.culprit is not None
        aim = f"Which release of {name} did it" if sure else f"Whether it was {name}, and which release"
        words = ["--axis", name, "--good", before, "--bad", after]
    words += ["--environment", request_id(environment.id), "--path", path]
    words += ["--devices", device] if device is not Device.CPU else []
    words += ["--stage", stage] if (stage := _stage(one)) else []
    words += ["--profile", results.profile, "--weights", results.weights]
    return Settling(aim=aim, command=shell_line("nox", "-s", "bisect", "--", *words))


def _releases(name: str, moved: Moved) -> tuple[str, str]:
    """The releases between which a package moved: builds are none."""
    before, after = moved.versions[name]
    return before.partition("+")[0], after.partition("+")[0]


def _has_releases(name: str, moved: Moved) -> bool:
    """Whether there is a release of a package to go back to."""
    before, after = _releases(name, moved)
    return name != _NO_AXIS and ABSENT not in (before, after) and before != after


def can_be_searched(one: Difference) -> bool:
    """Whether the earlier cell passed what the later one fails at, which a search can ask for."""
    if one.before == "works":
        return True
    before, after = ((told or "").rpartition(" at ")[2] for told in (one.before, one.after))
    return before in list(Stage) and after in list(Stage) and Stage(after).rung < Stage(before).rung


def _stage(one: Difference) -> str:
    """What the good ones pass, where the earlier report had no cell that works."""
    return "" if one.before == "works" else (one.after or "").rpartition(" at ")[2]
