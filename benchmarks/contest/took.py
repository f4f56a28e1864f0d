"""What one run of the cells took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asrcompat.model import Cell, Stage

CLIMB = (Stage.LOAD, Stage.FEATURES, Stage.FORWARD, Stage.BACKWARD, Stage.STEP, Stage.TRAIN)


@dataclass(kw_only=True)
class Took:
    """What one run took: seconds by the wall clock, and inside, by environment, as the probes told."""

    wall: float
    imports: dict[str, dict[str, float]] = field(default_factory=dict)
    climbs: dict[str, float] = field(default_factory=dict)
    installs: dict[str, float] = field(default_factory=dict)
    outcomes: dict[tuple[str, str], str] = field(default_factory=dict)
    again: float = 0.0
    memory: float = 0.0
    disk: list[float] = field(default_factory=list)

    def add(self, name: str, cell: Cell) -> None:
        """Count a cell of an environment."""
        stage = cell.failed or cell.passed
        self.outcomes[name, cell.path] = f"{cell.outcome} at {stage}"
        self.imports.setdefault(name, {})[cell.path] = cell.seconds.get(Stage.IMPORT, 0.0)
        computed = sum(cell.seconds.get(one, 0.0) for one in CLIMB)
        self.climbs[name] = self.climbs.get(name, 0.0) + computed

    def floor(self, jobs: int, installs: Mapping[str, float]) -> float:
        """The least wall clock for all this, so many environments at a time, where installing takes this long."""
        each = [installs[name] + max(self.imports[name].values()) + self.climbs[name] for name in self.climbs]
        return max(*each, sum(each) / jobs)
