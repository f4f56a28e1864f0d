"""Compiled modules that another environment wrote, shared with a new one by hard links.

An installer writes none: the first import in every new environment would compile thousands of modules again, which
takes longer than importing them, and keeps the same megabytes once more. Where the source of a module is the same file
(uv links both from its cache) and the interpreter is the same, so is what Python compiles of it. The names of files in
tracebacks stay those of the environment that imports: Python sets them when it reads a compiled module.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from asrcompat.run import process
from asrcompat.run.hold import held_now

PROBING = "asrcompat-probing"  # in an environment: it is being probed, or a run was killed at that (`run.probed`)
_FOLDER = "__pycache__"
_PACKAGES = "lib/python*/site-packages"
_BELOW = len(Path(_PACKAGES).parts)
_CHECK_SECONDS = 120.0
# Pythons up to 3.12 keep what a full disk cut off; one that cannot be read would break every import of its module.
_CHECK = """
import marshal, sys
for name in open(sys.argv[1], encoding="utf-8").read().split("\\n"):
    try:
        with open(name, "rb") as file:
            marshal.loads(file.read()[16:])
    except (EOFError, ValueError, TypeError, OSError):
        print("torn " + name)
print("done")
"""


def share(environment: Path, python: Path, others: Iterable[Path]) -> int:
    """Link the compiled modules of the first of `others` into `environment`, then what the next ones have besides.

    All are environments of one interpreter, of which `python` is one. Returns how many were linked. What cannot be
    linked, or cannot be read, is compiled again; an environment that somebody is probing gives nothing, nor does one
    where somebody was killed at that.
    """
    linked: list[Path] = []
    for other in others:
        with held_now(other.parent / ".lock") as mine:
            for module in compiled(other) if mine and not (other / PROBING).exists() else ():
                target = environment / module.relative_to(other)
                if _link(module, target):
                    linked.append(target)
    torn = _torn(environment, python, linked)
    for one in torn:
        one.unlink(missing_ok=True)
    return len(linked) - len(torn)


def shared(environment: Path) -> Iterator[tuple[Path, str]]:
    """The compiled modules that an environment shares with others, each with its name among the packages."""
    for module in compiled(environment):
        with contextlib.suppress(OSError):
            if module.stat().st_nlink > 1:
                yield module, "/".join(module.relative_to(environment).parts[_BELOW:])


def compiled(environment: Path) -> Iterator[Path]:
    """The compiled modules of an environment, whoever compiled them."""
    for packages in environment.glob(_PACKAGES):
        for name, _, files in os.walk(packages):
            folder = Path(name)
            if folder.name == _FOLDER:
                yield from (folder / file for file in files if file.endswith(".pyc"))


def _link(module: Path, target: Path) -> bool:
    """Whether the compiled module was linked: only where both have the very same file as its source."""
    try:
        if not _source(module).samefile(_source(target)):
            return False
        target.parent.mkdir(exist_ok=True)
        target.hardlink_to(module)
    except OSError:
        return False
    return True


def _source(module: Path) -> Path:
    """The file that a compiled module was made of."""
    return module.parents[1] / f"{module.name.partition('.')[0]}.py"


def _torn(environment: Path, python: Path, linked: Sequence[Path]) -> Sequence[Path]:
    """Those of the linked modules that the interpreter cannot read; all, where that cannot be found out."""
    if not linked:
        return ()
    listed = environment / "compiled.txt"
    try:
        listed.write_text("\n".join(map(str, linked)), encoding="utf-8", errors="surrogateescape")
        done = process.run([python, "-I", "-B", "-c", _CHECK, listed], seconds=_CHECK_SECONDS)
    except OSError:
        return linked
    finally:
        listed.unlink(missing_ok=True)
    *torn, last = done.output.splitlines() or [""]
    return [Path(line.removeprefix("torn ")) for line in torn] if last == "done" else linked
