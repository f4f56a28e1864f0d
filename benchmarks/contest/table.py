"""The table of what was measured."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from asrcompat.run import host
from asrcompat.run.paths import groups, path_files
from asrcompat.run.probing import REFERENCE_PATH
from contest.bench import PATHS, Bench
from contest.took import Took

HARNESS, WITH_UV, WITH_PIP = "this harness", "plain noxfile, uv", "plain noxfile, pip"


def table(rounds: Sequence[Mapping[str, Took]], jobs: int) -> Iterator[str]:
    """The medians, and the medians of each round's ratios; what is done side by side counts once."""
    yield "| | seconds | beside this harness | installing | importing | loading and training | all else |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name in rounds[0]:
        took = [one[name] for one in rounds]
        wall = [one.wall for one in took]
        ratios = [one[name].wall / one[HARNESS].wall for one in rounds]
        spread = f" ({min(ratios):.2f} to {max(ratios):.2f})" if name != HARNESS else ""
        at_a_time = jobs if name == HARNESS else 1
        parts = [
            statistics.median(values) / at_a_time
            for values in (
                [sum(one.installs.values()) for one in took],
                [_imported(one, name) for one in took],
                [sum(one.climbs.values()) for one in took],
            )
        ]
        median = statistics.median(wall)
        told = " | ".join(f"{part:.0f}" for part in (*parts, median - sum(parts)))
        yield (
            f"| {name} | {median:.0f} ({min(wall):.0f} to {max(wall):.0f}) | {statistics.median(ratios):.2f}{spread} | "
            f"{told} |"
        )
    yield ""
    yield from _goals(rounds, jobs)


def _goals(rounds: Sequence[Mapping[str, Took]], jobs: int) -> Iterator[str]:
    """What the harness holds itself to, beside what was measured."""
    own = [one[HARNESS] for one in rounds]
    floors = [one[HARNESS].floor(jobs, _least_installs(one)) for one in rounds]
    floor = statistics.median(floors)
    over = statistics.median(one.wall / least - 1 for one, least in zip(own, floors, strict=True))
    yield f"- Over the floor of {floor:.0f} s (the quickest installing, one import per environment, the climb):"
    yield f"  {over:.0%} (goal: 15 %). {_at_most(rounds, floors)}"
    again = statistics.median(one.again for one in own)
    share = again / statistics.median(one.wall for one in own)
    each = again / len(own[0].climbs)
    yield f"- Again, with nothing changed: {again:.1f} s, {share:.1%} of the first run (goal: 1 %),"
    yield f"  {each:.2f} s per environment (goal: 0.5 s)."
    disk = [size for one in own for size in one.disk]
    most = f"{max(disk):.0f} MB at most" if disk else "none here"
    yield f"- Disk for each further environment of a stack: {most} (goal: 100 MB)."
    yield f"- Memory of the harness itself: {max(one.memory for one in own):.0f} MB at most (goal: 300 MB)."


def _at_most(rounds: Sequence[Mapping[str, Took]], floors: Sequence[float]) -> str:
    """How many times the floor the others took: what runs path after path as the harness does is not quicker."""
    ratios = {
        name: statistics.median(one[name].wall / floor for one, floor in zip(rounds, floors, strict=True))
        for name in rounds[0]
        if name != HARNESS
    }
    told = " and ".join(f"{ratio:.2f} ({name})" for name, ratio in ratios.items())
    return f"The others took {told} times it."


def _least_installs(took: Mapping[str, Took]) -> dict[str, float]:
    """By environment what installing took the quickest of a round: more than that is nobody's need."""
    names = took[HARNESS].installs
    return {name: min(one.installs[name] for one in took.values()) for name in names}


def _imported(took: Took, name: str) -> float:
    """The seconds of importing: paths of the harness that share a parent tell the same import each."""
    together = groups(path_files(PATHS), first=REFERENCE_PATH) if name == HARNESS else [[path] for path in PATHS]
    return sum(max(one[path] for path in paths) for one in took.imports.values() for paths in together)


def page(bench: Bench, rounds: Sequence[Mapping[str, Took]], jobs: int) -> str:
    """The table with what was measured, where and when."""
    facts = host.facts()
    outcomes = rounds[0][HARNESS].outcomes
    works = sum(text.startswith("works") for text in outcomes.values())
    return "\n".join(
        (
            f"{len(bench.sources)} environments of core on {', '.join(PATHS)}: {len(outcomes)} cells, of which",
            f"{works} work; weights {bench.options.chosen_weights}; {len(rounds)} rounds, medians (lowest to highest).",
            f"Measured on {datetime.now(UTC):%Y-%m-%d} at {host.harness(bench.options.root)['commit'][:7]}:",
            f"{facts['cpu']}, {host.usable_cores()} cores, {facts['memory_gb']:.0f} GB, Python",
            f"{platform.python_version()}. The harness ran {jobs} environments at a time.",
            "",
            *table(rounds, jobs),
        )
    )
