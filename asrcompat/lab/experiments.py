"""What the laboratory found of changes of packages alone: rules over versions may build on it, as on a matrix's own.

A result does not tell the changes that it was made with, and a file or a setting may cure at equal versions. So those
of packages alone are marked when they are made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asrcompat.lab.change import PACKAGE_KINDS, Change
from asrcompat.lab.known import Known
from asrcompat.model import Cell, EnvironmentResult
from asrcompat.run.progress import Progress
from asrcompat.run.store import write_text

_MARKS = "of-packages"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """What was tried of packages: changes of the request `base`, as they are written, on a path and a device."""

    base: str
    changes: frozenset[str]
    path: str
    device: str


def mark(folder: Path, key: str, base: str, changes: Sequence[Change]) -> None:
    """Remember that a known result of `folder` is one of packages alone, where it is, and what was changed."""
    if changes and all(one.kind in PACKAGE_KINDS for one in changes):
        write_text(folder / _MARKS / key, json.dumps({"base": base, "changes": [str(one) for one in changes]}))


def of_packages(
    folder: Path, fits: Callable[[EnvironmentResult], bool] = lambda _: True
) -> list[tuple[EnvironmentResult, str]]:
    """The marked results that fit, one an environment, each with the text of its lock.

    Runs of one environment, of several paths say, are put together where they had the newest one's lock; a cell that
    came out differently from run to run is left out.
    """
    known = Known(folder)
    found = [known.read(file.name) for file in sorted((folder / _MARKS).glob("[!.]*"))]
    runs: dict[str, list[EnvironmentResult]] = {}
    for one in sorted((one for one in found if one is not None and fits(one)), key=lambda one: one.generated_at):
        if one.environment.lock is not None and one.environment.lock_sha256 is not None:
            runs.setdefault(one.environment.id, []).append(one)
    told = []
    for several in runs.values():
        name = str(several[-1].environment.lock_sha256)
        alike = [one for one in several if one.environment.lock_sha256 == name]
        try:
            text = known.lock(name)
        except (OSError, UnicodeDecodeError) as error:
            Progress().tell(f"passed over: {several[-1].environment.id}: its lock cannot be read: {error}")
            continue
        told.append((replace(alike[-1], cells=_agreed(cell for one in alike for cell in one.cells)), text))
    return told


def tried(folder: Path, fits: Callable[[EnvironmentResult], bool] = lambda _: True) -> frozenset[Tried]:
    """What all marked results that fit tried, and those of environments that could not be made, by whatever code."""
    known = Known(folder)
    told = set()
    for file in sorted((folder / _MARKS).glob("[!.]*")):
        result = known.read(file.name)
        if result is not None and (result.environment.lock_sha256 is None or fits(result)):
            try:
                made = json.loads(file.read_text(encoding="utf-8"))
                base, changes = str(made["base"]), frozenset(map(str, made["changes"]))
            except (OSError, ValueError, TypeError, KeyError) as error:
                Progress().tell(f"passed over: {file}: it does not tell what was changed ({error})")
                continue
            told |= {
                Tried(base=base, changes=changes, path=cell.path, device=cell.device.value) for cell in result.cells
            }
    return frozenset(told)


def _agreed(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    by_key: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells:
        by_key.setdefault(cell.key, []).append(cell)
    return tuple(
        several[0] for several in by_key.values() if len({(cell.outcome, cell.failed) for cell in several}) == 1
    )
