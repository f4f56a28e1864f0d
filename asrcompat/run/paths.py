"""The probe's paths as files: found by name, their module lists read without running them."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from asrcompat.errors import UsageError
from asrcompat.spec import known_paths, split_path, state_problem

PROBE = Path(__file__).resolve().parent.parent / "probe"


def path_files(names: Sequence[str]) -> dict[str, Path]:
    """The file of each named path, whatever the checkpoint's state; raises `UsageError` for a name that has none."""
    known = known_paths()
    for name in names:
        if (problem := state_problem(name)) is not None:
            raise UsageError(problem)
        if split_path(name)[0] not in known:
            message = f"unknown path {name!r}: there are {', '.join(known)}"
            raise UsageError(message)
    return {name: known[split_path(name)[0]] for name in names}


def modules(file: Path) -> tuple[str, ...]:
    """What a path imports, from its literal ``MODULES``."""
    found = _literal(file, "MODULES")
    if found is None:
        message = f"{file}: a path file needs a literal tuple MODULES"
        raise UsageError(message)
    return found


@cache
def packages(name: str) -> frozenset[str]:
    """The import names of the packages that a path uses, whatever the checkpoint's state; none of an unknown path."""
    file = known_paths().get(split_path(name)[0])
    if file is None:
        return frozenset()
    used = (*modules(file), *(_literal(file, "BEHIND") or ()))
    return frozenset(re.split(r"[.:]", module)[0] for module in used)


def _literal(file: Path, name: str) -> tuple[str, ...] | None:
    for statement in ast.parse(file.read_text(encoding="utf-8"), filename=str(file)).body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == name for target in statement.targets
        ):
            return tuple(ast.literal_eval(statement.value))
    return None


def groups(files: Mapping[str, Path], *, first: str | None = None) -> list[dict[str, Path]]:
    """Paths that share a parent process: those whose module lists are prefixes of one another, shortest first.

    The group of path `first` leads, whatever the order asked for; the others follow that order.
    """
    found: list[tuple[tuple[str, ...], dict[str, Path]]] = []
    wanted = {name: modules(file) for name, file in files.items()}
    for name in sorted(files, key=lambda name: len(wanted[name])):
        for number, (longest, members) in enumerate(found):
            if wanted[name][: len(longest)] == longest:
                found[number] = (wanted[name], {**members, name: files[name]})
                break
        else:
            found.append((wanted[name], {name: files[name]}))
    order = [name for name in files if name == first] + [name for name in files if name != first]
    return sorted((members for _, members in found), key=lambda members: min(order.index(name) for name in members))
