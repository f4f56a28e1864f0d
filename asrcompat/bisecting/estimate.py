"""What a search along an axis may take, told before it; and what it took, beside that."""

from __future__ import annotations

from math import ceil, log2

from asrcompat.bisecting.choose import Line
from asrcompat.explain.bisection.along import packages_along
from asrcompat.model import Cell, EnvironmentResult
from asrcompat.report.words import plural


def most(line: Line) -> int:
    """How many installations a search takes at most, releases that do not install not counted.

    Between two ends of n releases ceil(log2(n)) + 4: the ends, the halving, and one for a release that has to be run
    again and again since the bad one fails at times only. Outward: the environment's own, and for each direction the
    logarithm of the releases there are: two directions may together cost more than ceil(log2(n)) + 4, in 27 releases
    one more. A release that passes and fails may have to be built again.
    """
    place = line.releases.index
    if line.good is not None and line.bad is not None:
        return ceil(log2(abs(place(line.good) - place(line.bad)) + 1)) + 4
    older = place(line.own)
    newer = len(line.releases) - older - 1
    return 1 + sum(ceil(log2(count + 1)) for count in (older, newer))


def told(line: Line, name: str, earlier: tuple[EnvironmentResult | None, Cell | None], *, heavy: bool) -> list[str]:
    """The estimate; `earlier` is what was seen of the environment and the cell.

    A `heavy` search runs what it removes a second time before, asked for or not.
    """
    every = line.releases
    together = "".join(f", {other} moving along" for other in packages_along(name))
    between = line.good is not None and line.bad is not None
    where = f"between {line.good} (good) and {line.bad} (bad)" if between else f"outward from {line.own}"
    directions = 1 if between else sum(end != line.own for end in (every[0], every[-1]))
    runs = 2 * most(line) if heavy else most(line) + 2 * directions
    text = (
        f"at most {plural(most(line), 'installation')}{'' if between else ' in both directions together'} and {runs} "
        "runs, more where a release passes and fails; releases that do not install are stepped over"
    )
    result, cell = earlier
    if result is not None and cell is not None:
        building = sum(result.environment.seconds.get(stage, 0) for stage in ("resolve", "install"))
        probing = sum(value for stage, value in cell.seconds.items() if stage != "findings")
        minutes = (most(line) * building + runs * probing) / 60
        text += f"; an earlier run took {building + probing:.0f} s, so up to {minutes:.0f} minutes without downloads"
    return [f"{len(every)} releases of {name} from {every[0]} to {every[-1]}{together}; {where}", text]


def taken(line: Line, installs: int) -> str:
    """How many installations it took."""
    ends = [line.releases.index(end) for end in (line.good, line.bad) if end is not None]
    count = abs(ends[0] - ends[1]) + 1 if len(ends) == 2 else len(line.releases)  # noqa: PLR2004 - both ends
    bound = f"at most {most(line)}"
    if installs > most(line):  # a release that is run again and again may have been removed meanwhile
        bound += " where none passes and fails and none is removed by others"
    return f"{plural(installs, 'install')} for {plural(count, 'release')} ({bound})"
