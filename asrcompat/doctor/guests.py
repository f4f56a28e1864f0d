"""Results of environments that were found somewhere, on their way into a report: named files, and those dropped in.

A named file that does not belong into this report ends the command; one that merely lies in the folder is passed over,
with a word. What its cells say is admitted or refused where all cells are (`asrcompat.report.admit`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from asrcompat.doctor.examine import listing
from asrcompat.doctor.patient import PREFIX
from asrcompat.errors import UsageError
from asrcompat.model import EnvironmentResult, Weights
from asrcompat.result_files import ResultError, parse_environment_result
from asrcompat.spec import known_paths, split_path

FOLDER = "doctor"  # beside the results of the matrix


def read(
    named: Sequence[Path], folder: Path, *, model: str, weights: Weights, warn: Callable[[str], None]
) -> tuple[EnvironmentResult, ...]:
    """The results in `named` files and in `folder`, one for each environment: the newest.

    Raises `UsageError` where two named files are of one environment, as far as that can be told.
    """
    found: dict[str, tuple[Path, EnvironmentResult]] = {}
    for file in [*named, *sorted(folder.glob("*.json"))]:
        try:
            result = _result(file, model=model, weights=weights)
        except UsageError as wrong:
            if file in named:
                raise
            warn(f"passed over: {wrong}")
            continue
        known, kept = found.setdefault(result.environment.id, (file, result))
        if result == kept:  # itself, or a copy of it
            continue
        if file in named:
            message = (
                f"{known} and {file}: both are of {result.environment.id}; name the one that is to count or, "
                "if they are of two machines, run `doctor --host NAME` on one of them again"
            )
            raise UsageError(message)
        older = file
        if kept.generated_at < result.generated_at:
            older, known = known, file
            found[result.environment.id] = (file, result)
        warn(f"passed over: {older}: {known} is a newer result of the same environment")
    return tuple(result for _, result in found.values())


def locks(results: Sequence[EnvironmentResult]) -> dict[str, str]:
    """The lock of each guest, by its name in a report: what was found installed."""
    return {one.environment.lock: listing(one.environment) for one in results if one.environment.lock}


def _result(file: Path, *, model: str, weights: Weights) -> EnvironmentResult:
    try:
        result = parse_environment_result(file.read_bytes(), source=str(file))
    except OSError as error:
        message = f"{file}: cannot be read: {error.strerror}; give the file that `doctor --out FILE` wrote"
        raise UsageError(message) from error
    except ResultError as error:
        message = f"{error}; give the file that `doctor --out FILE` wrote"
        raise UsageError(message) from error
    if (problem := next(_problems(result, model, weights), None)) is not None:
        message = f"{file}: {problem}"
        raise UsageError(message)
    return result


def _problems(result: EnvironmentResult, model: str, weights: Weights) -> Iterator[str]:
    environment = result.environment
    if environment.host is None:
        yield "not a result of `doctor`: it names no host"
    if not environment.id.startswith(PREFIX):
        yield f"its id {environment.id!r} is not one that `doctor` gives: those begin with {PREFIX!r}"
    if environment.lock != f"locks/{environment.id}.txt" or Path(environment.id).name != environment.id:
        yield f"its lock is {environment.lock!r}, where a result of `doctor` has one by its own id"
    foreign = sorted({cell.path for cell in result.cells if split_path(cell.path)[0] not in known_paths()})
    if foreign:
        yield f"path {foreign[0]!r} is none of the matrix's: a configuration of one's own is no row of a report"
    strays = sorted({cell.environment for cell in result.cells if cell.environment != environment.id})
    if strays:
        yield f"it is of {environment.id}, and holds a cell of {strays[0]}"
    if (result.model, result.weights) != (model, weights):
        yield (
            f"it is of {result.model} on {result.weights}, this report of {model} on {weights}: "
            f"run `doctor --weights {weights}` there, or report with --weights {result.weights}"
        )
