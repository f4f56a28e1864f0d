"""What was found, for the person at the terminal: versions, then every path's ladder with what is wrong on it."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.text import Text

from asrcompat.doctor import given
from asrcompat.model import Cell, Check, CheckOutcome, EnvironmentResult, Outcome, Stage
from asrcompat.report import words
from asrcompat.report.sanitize import one_line, printable

_STYLES: dict[Outcome | CheckOutcome, str] = {
    Outcome.WORKS: "green",
    Outcome.BROKEN: "bold red",
    Outcome.UNSTABLE: "yellow",
    Outcome.UNAVAILABLE: "dim",
    Outcome.ERROR: "magenta",
    CheckOutcome.PASSED: "green",
    CheckOutcome.FAILED: "red",
    CheckOutcome.UNSTABLE: "yellow",
    CheckOutcome.SKIPPED: "dim",
    CheckOutcome.ERROR: "magenta",
}
_PASSING = (CheckOutcome.PASSED, CheckOutcome.SKIPPED)
_FRAMES_TOLD = 3
_MESSAGE_LENGTH = 600
_REMARK_LENGTH = 200


def show(result: EnvironmentResult, console: Console, *, model: str, absent: Mapping[str, str]) -> None:
    """Print the whole of a result; `model` is the matrix's checkpoint, `absent` what a path left out lacks."""
    environment = result.environment
    build = environment.build.get("cuda", "")
    packages = [f"{name} {version}" for name, version in environment.packages.items()]
    if "cuda" in environment.build:
        packages.append("torch built for " + (f"CUDA {build}" if build else "CPU"))
    python = next((cell.evidence.versions.get("python") for cell in result.cells if cell.evidence), environment.python)
    _say(
        console, f"Python {python} on {environment.host}: {', '.join(packages) or 'none of the packages is installed'}"
    )
    if environment.declared == "conflict":
        _say(console, f"its metadata disagrees: {environment.declared_reason}", "yellow")
    weights = f" ({result.weights})" if result.model == model else ""  # a checkpoint of one's own has its own weights
    _say(console, f"checkpoint: {result.model}{weights}")
    for cell in result.cells:
        console.print()
        _cell(cell, console)
    console.print()
    if absent:
        _say(console, f"not offered here: {', '.join(f'{path} (no module {name})' for path, name in absent.items())}")
    _say(console, summary(result), "bold")


def summary(result: EnvironmentResult) -> str:
    """One line: how many of the paths work, and which do not."""
    tried = [cell for cell in result.cells if cell.outcome is not Outcome.UNAVAILABLE]
    works = [cell for cell in tried if cell.outcome is Outcome.WORKS]
    others = [f"{cell.path} on {cell.device} {words.cell_label(cell)}" for cell in tried if cell not in works]
    counted = f"{len(works)} of {words.plural(len(tried), 'path')} work{'s' if len(works) == 1 else ''}"
    keys = [str(check.data["key"]) for cell in result.cells for check in keys_to_blame(cell)]
    parts = [counted, *others, f"keys to change: {', '.join(keys)}" if keys else ""]
    return "; ".join(filter(None, parts))


def keys_to_blame(cell: Cell) -> tuple[Check, ...]:
    """The checks that name a key of the person's configuration."""
    return tuple(check for check in cell.checks if cell.path == given.PATH and "key" in check.data)


def _cell(cell: Cell, console: Console) -> None:
    title = f"{words.SIGNS[cell.outcome]} {cell.path} on {cell.device}: {words.cell_label(cell)}"
    _say(console, title, f"bold {_STYLES[cell.outcome]}")
    if not cell.checks:
        _say(console, cell.message, indent=2)
    for stage in Stage:
        checks = [check for check in cell.checks if check.stage is stage]
        required = [check for check in checks if check.required]
        if required:
            worst = next((check.outcome for check in required if check.outcome not in _PASSING), CheckOutcome.PASSED)
            seconds = cell.seconds.get(stage.value)
            took = "" if seconds is None else f" ({words.seconds(seconds)})"
            _say(console, f"{words.CHECK_SIGNS[worst]} {stage}{took}", _STYLES[worst], indent=2)
        for check in checks:
            if _worth_telling(check):
                _check(check, console)


def _worth_telling(check: Check) -> bool:
    return bool(check.message) and (not check.required or check.outcome not in _PASSING)


def _check(check: Check, console: Console) -> None:
    if check.required:
        exception = str(check.data.get("exception") or "").rpartition(".")[2]
        ours = exception in ("", "CheckFailed")  # raised by the probe, about what the packages did without raising
        said = check.message if ours else f"{exception}: {check.message}"
        _say(console, one_line(said, _MESSAGE_LENGTH), "red", indent=6)
        for line in () if ours else _where(str(check.data.get("traceback") or "")):
            _say(console, line, "dim", indent=6)
    else:
        style = "bold red" if "key" in check.data else "" if check.outcome in _PASSING else "yellow"
        length = _MESSAGE_LENGTH if check.stage is Stage.LOAD else _REMARK_LENGTH
        _say(
            console,
            one_line(f"{words.CHECK_SIGNS[check.outcome]} {check.id}: {check.message}", length),
            style,
            indent=6,
        )
        for line in check.data.get("told", ()):
            _say(console, f"note: {line}", "dim", indent=8)


def _where(traceback: str) -> list[str]:
    """The innermost frames of a traceback, in its own words."""
    frames = [line.strip() for line in printable(traceback).splitlines() if line.lstrip().startswith('File "')]
    return [f"at {frame.removeprefix('File ')}" for frame in frames[-_FRAMES_TOLD:]]


def _say(console: Console, text: str, style: str = "", *, indent: int = 0) -> None:
    # neither markup nor highlighting: brackets and numbers in a message are the message's
    console.print(Text(" " * indent + one_line(text), style=style), soft_wrap=True)
