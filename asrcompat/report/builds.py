"""What each build of torch needs of a GPU, for readers of a report that was made without one.

These are facts that the build itself tells, and no outcome: nothing ran there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asrcompat.model import Device, Outcome
from asrcompat.report.grid import Entry, Grid, Line, texts
from asrcompat.report.where import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asrcompat.model import Cell
    from asrcompat.report.environments import EnvironmentRow

_TITLES = ("CUDA", "compiled for", "least driver", "environments")
_UNKNOWN = "not known"


def builds(cells: Sequence[Cell], environments: Sequence[EnvironmentRow]) -> Grid | None:
    """Tabulate the builds of the environments whose CUDA cells are unavailable, each build once."""
    waiting = {cell.environment for cell in cells if cell.device is Device.CUDA and cell.outcome is Outcome.UNAVAILABLE}
    numbers = {row.environment.id: row.number for row in environments}
    groups: dict[tuple[str, ...], list[str]] = {}
    for row in environments:
        if row.environment.id in waiting and "torch" in row.environment.packages and row.environment.build:
            groups.setdefault(_facts(row), []).append(row.environment.id)
    lines = tuple(
        Line(head=Entry(text=facts[0]), entries=texts(*facts[1:], counted(identities, numbers)))
        for facts, identities in groups.items()
    )
    return Grid(corner="torch", columns=texts(*_TITLES), lines=lines) if lines else None


def _facts(row: EnvironmentRow) -> tuple[str, ...]:
    build = row.environment.build
    torch = dict(row.found)["torch"]
    if build.get("cuda") is None:
        return (torch, "none: built for the CPU" if "cuda" in build else _UNKNOWN, "", "")
    return (torch, str(build["cuda"]), _list(build.get("architectures")), _list(build.get("least_driver")))


def _list(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or _UNKNOWN
    return _UNKNOWN if value is None else str(value)
