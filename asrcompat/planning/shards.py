"""Which environments of a profile are whose, where several machines share its run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from asrcompat.argument_types import Share
from asrcompat.options import Options
from asrcompat.plan.shard import Job, shards
from asrcompat.planning.budget import UNSEEN_SECONDS, seconds_published
from asrcompat.report.words import plural
from asrcompat.spec import Request

_FETCH_SECONDS = 60.0  # assumed for a torch with its libraries, as a plan's budget assumes what nobody has run


@dataclass(frozen=True, kw_only=True)
class PlannedShard:
    """One machine's part: its name (``2/3``), its environments, their torch stacks, and how long they may take."""

    name: str
    requests: tuple[Request, ...]
    stacks: tuple[str, ...]
    minutes: int


def profile_shards(options: Options, count: int) -> tuple[PlannedShard, ...]:
    """The profile's environments in `count` parts, which are the same on every machine with this checkout.

    What an environment takes is read from the report that the checkout holds: what lies in a work folder differs from
    one machine to the next.
    """
    requests = {one.id: one for one in options.chosen_environments}
    seconds = expected_seconds(options, list(requests.values()))
    jobs = [Job(id=one.id, stack=one.torch, seconds=seconds[one.id]) for one in requests.values()]
    fetching = dict.fromkeys((job.stack for job in jobs), _FETCH_SECONDS)
    found = []
    for number, names in enumerate(shards(jobs, count, fetching), 1):
        own = tuple(requests[name] for name in names)
        stacks = tuple(dict.fromkeys(one.torch for one in own))
        took = sum(seconds[name] for name in names) + sum(fetching[stack] for stack in stacks)
        found.append(
            PlannedShard(name=f"{number}/{count}", requests=own, stacks=stacks, minutes=max(1, round(took / 60)))
        )
    return tuple(found)


def in_shard(options: Options) -> tuple[Request, ...]:
    """The environments that this machine runs: all, or those of its shard."""
    share: Share | None = options.shard
    if share is None:
        return options.chosen_environments
    return profile_shards(options, share.of)[share.number - 1].requests


def job_matrix(found: Sequence[PlannedShard]) -> str:
    """The shards that have something to run, as JSON: the ``matrix`` of a workflow's job as it stands."""
    rows = [
        {
            "shard": one.name,
            "name": one.name.replace("/", "-of-"),
            "stacks": "_".join(one.stacks),
            "minutes": one.minutes,
            "environments": [request.id for request in one.requests],
        }
        for one in found
        if one.requests
    ]
    return json.dumps({"include": rows})


def shard_lines(found: Sequence[PlannedShard]) -> Iterator[str]:
    """The shards for people."""
    for one in found:
        torches = f"torch {', '.join(one.stacks)}; " if one.stacks else ""
        counted = plural(len(one.requests), "environment")
        yield f"shard {one.name}: {torches}{counted}, about {one.minutes} min one by one"
        for request in one.requests:
            yield f"    {request.id}"


def expected_seconds(options: Options, requests: Sequence[Request]) -> Mapping[str, float]:
    """What each environment took where it was last published; for others the mean of these."""
    took = seconds_published(options)
    usual = mean(took.values()) if took else UNSEEN_SECONDS
    return {one.id: took.get(one.dated(options.as_of).id, usual) for one in requests}
