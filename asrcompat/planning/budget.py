"""How many environments a plan may have: as matrix.toml says, as a person says, or as many as fit into a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import mean

from asrcompat.model import Environment
from asrcompat.options import Options
from asrcompat.reporting import published
from asrcompat.run import schedule
from asrcompat.run.progress import Progress
from asrcompat.spec import request_id

UNSEEN_SECONDS = 600.0  # an environment of which none like it was run yet


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
    jobs = _at_a_time(options, most)
    count = max(1, int(minutes * 60 * jobs / each))
    tell(f"plan: {minutes} minutes, {jobs} at a time, {each:.0f} s each ({said}): {count} environments")
    return min(count, most)


def told_time(options: Options, count: int) -> tuple[float, str]:
    """The seconds that so many environments take here, downloads apart, and that in words."""
    each, said = seconds_each(options)
    jobs = _at_a_time(options, count)
    seconds = count * each / jobs
    return seconds, f"about {seconds / 3600:.1f} h without downloads, {jobs} at a time ({each:.0f} s each: {said})"


def _at_a_time(options: Options, most: int) -> int:
    limits = options.spec.limits
    return schedule.parallel(options.jobs or limits.jobs, environments=most, memory_gb=limits.memory_gb)


def seconds_each(options: Options) -> tuple[float, str]:
    """What an environment takes, and of what this is the mean."""
    here = _took(one.environment for one in options.store.every(warn=Progress().tell))
    if here:
        return mean(here.values()), f"the mean of {len(here)} that were run"
    if there := seconds_published(options):
        return mean(there.values()), f"the mean of {len(there)} in the published report"
    return UNSEEN_SECONDS, "assumed: none was run yet"


def seconds_published(options: Options) -> dict[str, float]:
    """What each environment of the report that the checkout holds took, by its id."""
    report = published(options)
    return {} if report is None else _took(report.environments)


def _took(environments: Iterable[Environment]) -> dict[str, float]:
    stages = ("resolve", "install", "probe")
    return {
        request_id(one.id): sum(one.seconds.get(stage, 0.0) for stage in stages)
        for one in environments
        if "probe" in one.seconds
    }
