"""Compiled modules that another environment wrote, shared with a new one by hard links.

An installer writes none: the first import in every new environment would compile thousands of modules again, which
takes longer than importing them, and keeps the same megabytes once more. Where the source of a module is the same file
(uv links both from its cache) and the interpreter is the same, so is what Python compiles of it. The names of files in
tracebacks stay those of the environment that imports: Python sets them when it reads a compiled module.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_FOLDER = "__pycache__"


def share(environment: Path, others: Iterable[Path]) -> int:
    """Link the compiled modules of the first of `others` into `environment`, then what the next ones have besides.

    All are environments of one interpreter. Returns how many were linked. What cannot be linked is compiled again.
    """
    linked = 0
    for other in others:
        for compiled in _compiled(other):
            linked += _link(compiled, environment / compiled.relative_to(other))
    return linked


def shared(environment: Path) -> Iterator[Path]:
    """The compiled modules that an environment shares with others."""
    for compiled in _compiled(environment):
        with contextlib.suppress(OSError):
            if compiled.stat().st_nlink > 1:
                yield compiled


def _compiled(environment: Path) -> Iterator[Path]:
    for packages in environment.glob("lib/python*/site-packages"):
        for name, _, files in os.walk(packages):
            folder = Path(name)
            if folder.name == _FOLDER:
                yield from (folder / file for file in files if file.endswith(".pyc"))


def _link(compiled: Path, target: Path) -> bool:
    """Whether the compiled module was linked: only where both have the very same file as its source."""
    try:
        if not _source(compiled).samefile(_source(target)):
            return False
        target.parent.mkdir(exist_ok=True)
        target.hardlink_to(compiled)
    except OSError:
        return False
    return True


def _source(compiled: Path) -> Path:
    """The file that a compiled module was made of."""
    return compiled.parents[1] / f"{compiled.name.partition('.')[0]}.py"
