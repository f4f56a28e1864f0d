"""What the words in the tables mean: outcomes, stages, paths and states of the checkpoint."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache

from asrcompat.report import words
from asrcompat.report.grid import NOT_ASKED
from asrcompat.spec import PUBLISHED, STATES, known_paths, split_path

Lines = tuple[tuple[str, str], ...]

ABSENT = "not asked for in this environment"

# For the space above a table, where the full meanings would push it off the screen.
KEY: Lines = (
    ("✓ works", "to the last training step"),
    ("✗ stage", "broken at that stage"),
    ("~ k/n", "unstable: k of n training steps passed"),
    ("!", "error of the harness or the network"),
    ("\N{EN DASH}", "no such device or interpreter here"),
    (NOT_ASKED, "not asked for"),
)


def outcomes() -> Lines:
    """Every sign of the tables."""
    return (*((f"{sign} {outcome}", words.MEANINGS[outcome]) for outcome, sign in words.SIGNS.items()),
            (NOT_ASKED, ABSENT))  # fmt: skip


def stages() -> Lines:
    """Every stage, in climbing order."""
    return tuple((stage.value, meaning) for stage, meaning in words.STAGES.items())


def paths(names: Iterable[str]) -> Lines:
    """The paths among `names`, each as its own file describes it; unknown ones are left out."""
    found = dict.fromkeys(split_path(name)[0] for name in names)
    return tuple((name, text) for name in found for text in [_described().get(name, "")] if text)


def states(names: Iterable[str]) -> Lines:
    """The states of the checkpoint among `names`."""
    found = {split_path(name)[1] for name in names} - {PUBLISHED}
    return tuple((f"path@{state}", meaning) for state, meaning in STATES.items() if state in found)


@cache
def _described() -> dict[str, str]:
    """The first line of each path's file; the probe is read here and never imported."""
    told = {}
    for name, file in known_paths().items():
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        told[name] = text.partition("\n\n")[0].replace("\n", " ").replace("``", "")
    return told
