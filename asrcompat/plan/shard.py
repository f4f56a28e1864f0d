"""Divide environments among machines: about equally long, each torch stack on as few of them as that allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import fsum, inf

_CLOSE = 0.002  # of the least time that is possible: what searching longer could win


@dataclass(frozen=True, kw_only=True)
class Job:
    """One environment to run: its torch `stack`, and the `seconds` that it takes once the stack is there."""

    id: str
    stack: str
    seconds: float


@dataclass(kw_only=True)
class Shard:
    """What one machine runs, and how long: each stack that it has costs its fetching once."""

    jobs: list[Job] = field(default_factory=list)
    stacks: set[str] = field(default_factory=set)
    seconds: float = 0.0

    def cost(self, job: Job, fetching: Mapping[str, float]) -> float:
        """The seconds that a job adds here."""
        return job.seconds + (0.0 if job.stack in self.stacks else fetching.get(job.stack, 0.0))

    def take(self, job: Job, fetching: Mapping[str, float]) -> None:
        """Run a job here as well."""
        self.seconds += self.cost(job, fetching)
        self.stacks.add(job.stack)
        self.jobs.append(job)


def least_seconds(jobs: Sequence[Job], count: int, fetching: Mapping[str, float]) -> float:
    """What no way to divide the jobs among `count` machines can beat."""
    stacks = {job.stack for job in jobs}
    work = fsum(job.seconds for job in jobs) + fsum(fetching.get(stack, 0.0) for stack in stacks)
    longest = max((job.seconds + fetching.get(job.stack, 0.0) for job in jobs), default=0.0)
    return max(work / count, longest)


def shards(jobs: Sequence[Job], count: int, fetching: Mapping[str, float]) -> tuple[tuple[str, ...], ...]:
    """The ids of what each of `count` machines runs, some perhaps nothing; the same jobs give the same shards.

    `fetching` are the seconds that a stack costs each machine that has it.
    """
    least = least_seconds(jobs, count, fetching)
    best = _within(inf, jobs, count, fetching) or []
    enough = max(shard.seconds for shard in best)
    while enough - least > _CLOSE * least:  # halve towards the least time in which all fits
        tried = (least + enough) / 2
        found = _within(tried, jobs, count, fetching)
        if found is None:
            least = tried
        else:
            best, enough = found, max(shard.seconds for shard in found)
    # within the same time the work may be divided more evenly: a machine that is late then keeps less from the others
    best = _within(enough, jobs, count, fetching, emptiest=True) or best
    order = {job.id: place for place, job in enumerate(jobs)}
    return tuple(tuple(sorted((job.id for job in shard.jobs), key=order.__getitem__)) for shard in best)


def _within(
    limit: float, jobs: Sequence[Job], count: int, fetching: Mapping[str, float], *, emptiest: bool = False
) -> list[Shard] | None:
    """Shards of which none takes longer than `limit`; None where that was not found.

    The stacks with most work first, each into the fullest (or `emptiest`) machine that takes it whole, else over the
    emptiest ones.
    """
    machines = [Shard() for _ in range(count)]
    for stack, of_stack in _by_work(jobs):
        whole = fsum(job.seconds for job in of_stack) + fetching.get(stack, 0.0)
        rooms = [one for one in machines if one.seconds + whole <= limit]
        if rooms:
            machine = (min if emptiest else max)(rooms, key=lambda one: one.seconds)
            for job in of_stack:
                machine.take(job, fetching)
        elif not _spread(of_stack, machines, limit, fetching):
            return None
    return machines


def _spread(jobs: Sequence[Job], machines: Sequence[Shard], limit: float, fetching: Mapping[str, float]) -> bool:
    """Fill one machine after the other, the emptiest first, longest jobs first; whether all found room."""
    left = sorted(jobs, key=lambda job: (-job.seconds, job.id))
    for machine in sorted(machines, key=lambda one: one.seconds):
        waits = []
        for job in left:
            if machine.seconds + machine.cost(job, fetching) <= limit:
                machine.take(job, fetching)
            else:
                waits.append(job)
        left = waits
        if not left:
            return True
    return False


def _by_work(jobs: Sequence[Job]) -> list[tuple[str, list[Job]]]:
    ordered = sorted(jobs, key=lambda job: job.stack)
    groups = [(stack, list(group)) for stack, group in groupby(ordered, key=lambda job: job.stack)]
    return sorted(groups, key=lambda one: (-fsum(job.seconds for job in one[1]), one[0]))
