"""How many environments a plan may have: as matrix.toml says, as a person says, or as many as fit into a time."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean

from asrcompat.options import Options
from asrcompat.run import schedule

_UNSEEN_SECONDS = 600.0  # an environment of which none like it was run yet


def environments_in(options: Options, most: int, tell: Callable[[str], None]) -> int:
    """The number of environments; for a time, by the mean of those that this profile has run."""
    room = options.room
    if room is None:
        return most
    if room.environments is not None:
        if room.environments > most:
            tell(f"plan: --budget {room.environments}: matrix.toml has at most {most} environments for this profile")
        return min(room.environments, most)
    minutes = room.minutes or 0
    each, said = seconds_each(options)
    limits = options.spec.limits
    jobs = schedule.parallel(options.jobs or limits.jobs, environments=most, memory_gb=limits.memory_gb)
    count = max(1, int(minutes * 60 * jobs / each))
    tell(f"plan: {minutes} minutes, {jobs} at a time, {each:.0f} s each ({said}): {count} environments")
    return min(count, most)


def seconds_each(options: Options) -> tuple[float, str]:
    """What an environment takes, and of what this is the mean."""
    seen = [sum(seconds) for seconds in _seen(options)]
    if not seen:
        return _UNSEEN_SECONDS, "assumed: none was run yet"
    return mean(seen), f"the mean of {len(seen)} that were run"


def _seen(options: Options) -> list[list[float]]:
    """The seconds of building and probing of what this profile has run."""
    store = options.store
    stages = ("resolve", "install", "probe")
    found = [store.read(file.stem, warn=lambda _: None) for file in sorted(store.folder.glob("[!.]*.json"))]
    return [
        [one.environment.seconds[stage] for stage in stages if stage in one.environment.seconds]
        for one in found
        if one is not None and "probe" in one.environment.seconds
    ]
