"""How outcomes, cells and numbers are put into words, the same in every form.

Every outcome has a sign and a word beside its colour, since a colour alone says nothing in a log,
in black and white, or to a reader who can't tell red from green.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from asrcompat.model import Cell, CheckOutcome, Outcome, Stage

SIGNS = {
    Outcome.WORKS: "✓",
    Outcome.BROKEN: "✗",
    Outcome.UNSTABLE: "~",
    Outcome.UNAVAILABLE: "\N{EN DASH}",
    Outcome.ERROR: "!",
}

CHECK_SIGNS = {
    CheckOutcome.PASSED: "✓",
    CheckOutcome.FAILED: "✗",
    CheckOutcome.UNSTABLE: "~",
    CheckOutcome.SKIPPED: "\N{EN DASH}",
    CheckOutcome.ERROR: "!",
}

MEANINGS = {
    Outcome.WORKS: "every required check passed, training steps included",
    Outcome.BROKEN: "a required check failed at the stage named",
    Outcome.UNSTABLE: "in train mode some seeds passed and some failed: k/n passed",
    Outcome.UNAVAILABLE: "there is no such device or interpreter on the host; says nothing about the packages",
    Outcome.ERROR: "the harness or the network failed; says nothing about the packages",
}

STAGES = {
    Stage.RESOLVE: "the packages' requirements agree",
    Stage.INSTALL: "everything installs",
    Stage.IMPORT: "the modules import",
    Stage.LOAD: "the checkpoint loads by its name",
    Stage.FEATURES: "features have the right width and length and equal the reference",
    Stage.FORWARD: "a loss comes out",
    Stage.BACKWARD: "gradients arrive where they should",
    Stage.STEP: "an optimiser step changes what it should",
    Stage.TRAIN: "train-mode steps, each with its own seed",
    Stage.RECIPE: "a recipe's own entry point trains",
}

WEIGHTS = {
    "synthetic-small": "random weights in a smaller copy of the architecture: for quick checks, not for publishing",
    "synthetic-base": "random weights of the true size, names and formats: "
    "they show whether versions load and train the model, not how well it recognises speech",
    "hub": "the real weights from the Hugging Face Hub",
}

# What our own checks raise to say what they found: the name tells a reader nothing, and its traceback shows the probe.
OUR_EXCEPTIONS = ("CheckFailed", "Unstable")

_OURS = re.compile(rf"^(?:\w+\.)*(?:{'|'.join(OUR_EXCEPTIONS)}): ")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+")
_PATH = re.compile(r"(?:/[^\s/'\":,;()<>]+)+/(?=[^\s/'\":,;()<>])")
_TENTHS_BELOW = 10
_MINUTES_FROM = 120

_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]?\d+)?")


def standing(outcome: Outcome | str, stage: Stage | str | None, trials: str = "") -> str:
    """Put an outcome and its stage into words: ``works (train)``, ``broken at load``, ``unstable 13/20``."""
    word = str(outcome)
    if word == Outcome.UNSTABLE:
        return " ".join(filter(None, [word, trials]))
    if stage is None or word == Outcome.UNAVAILABLE:
        return word
    return f"{word} ({stage})" if word == Outcome.WORKS else f"{word} at {stage}"


def cell_label(cell: Cell) -> str:
    """Tell what a table's cell says, without its sign."""
    trials = f"{cell.trials.passed}/{cell.trials.of}" if cell.trials else ""
    return standing(cell.outcome, cell.stage, trials)


def short_label(cell: Cell) -> str:
    """Tell a cell in a table of many: its stage where that failed, its trials where they differ, else its outcome."""
    if cell.outcome is Outcome.WORKS:
        return "works" if cell.stage in (Stage.TRAIN, None) else f"works ({cell.stage})"
    if cell.outcome is Outcome.UNSTABLE and cell.trials:
        return f"{cell.trials.passed}/{cell.trials.of}"
    if cell.outcome is Outcome.BROKEN and cell.stage:
        return cell.stage.value
    return cell.outcome.value


def expectation(value: Any) -> str:
    """One side of an expectation, given as words or as an outcome with its stage."""
    if isinstance(value, Mapping):
        return standing(str(value.get("outcome", "?")), value.get("stage"), str(value.get("trials") or ""))
    return "nothing" if value is None else str(value)


def without_ours(told: str) -> str:
    """Leave out of ``exception: message`` an exception that is our own checks'."""
    return _OURS.sub("", told)


def alike(message: str) -> str:
    """Strip a message of what differs from run to run (addresses, folders, numbers), for finding equal failures."""
    return _NUMBER.sub("#", _PATH.sub("/", _ADDRESS.sub("#", " ".join(message.split()))))


def seconds(value: float) -> str:
    """Write a duration for people: ``0.4 s``, ``12 s``, ``3 min 20 s``."""
    if value < _TENTHS_BELOW:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole} s" if whole < _MINUTES_FROM else f"{whole // 60} min {whole % 60} s"


def plural(count: int, word: str) -> str:
    """Join a count and its noun: ``1 cell``, ``3 cells``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def facts(value: Mapping[str, Any], *, without: Sequence[str] = ()) -> tuple[tuple[str, str], ...]:
    """Lay out a mapping of anything as lines of name and value, nested names joined, empty values left out."""
    lines: list[tuple[str, str]] = []
    for name, item in value.items():
        if name in without or item is None or item in ("", [], (), {}):
            continue
        if isinstance(item, Mapping):
            lines += [(f"{name} {inner}", text) for inner, text in facts(item)]
        elif isinstance(item, list | tuple):
            lines.append((name, ", ".join(_text(part) for part in item)))
        else:
            lines.append((name, _text(item)))
    return tuple((name.replace("_", " "), text) for name, text in lines)


def facts_line(value: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    """Pick the values of these names, as text and as far as they are there."""
    return tuple(text for name in names if name in value for _, text in facts({name: value[name]}))


def text(entry: Mapping[str, Any], name: str) -> str:
    """Read a text of a mapping of anything; empty where there is none."""
    value = entry.get(name)
    return "" if value is None else str(value)


def mapping(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Read a mapping inside a mapping of anything."""
    value = entry.get(name)
    return value if isinstance(value, Mapping) else {}


def mappings(entry: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
    """Read the mappings of a list inside a mapping of anything."""
    value = entry.get(name)
    return tuple(one for one in value if isinstance(one, Mapping)) if isinstance(value, list | tuple) else ()


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {text}" for name, text in facts(value))
    return str(value)
