"""Shards hold every environment once, are about equally long, and keep torch stacks together."""

from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asrcompat.plan.shard import Job, Shard, least_seconds, shards

JOBS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.floats(1, 1000)).map(lambda one: one), min_size=0, max_size=30
).map(lambda every: [Job(id=str(place), stack=stack, seconds=long) for place, (stack, long) in enumerate(every)])
FETCHING = st.fixed_dictionaries({stack: st.floats(0, 500) for stack in "abcd"})


def longest(jobs: list[Job], found: tuple[tuple[str, ...], ...], fetching: dict[str, float]) -> float:
    """The makespan, counted apart from the code under test."""
    by_id = {job.id: job for job in jobs}
    return max(
        sum(by_id[name].seconds for name in shard) + sum(fetching[s] for s in {by_id[name].stack for name in shard})
        for shard in found
    )


@given(JOBS, st.integers(1, 8), FETCHING)
def test_every_environment_is_in_one_shard_and_the_same_jobs_give_the_same_shards(
    jobs: list[Job], count: int, fetching: dict[str, float]
) -> None:
    found = shards(jobs, count, fetching)
    assert len(found) == count
    assert sorted(name for shard in found for name in shard) == sorted(job.id for job in jobs)
    assert shards(jobs, count, fetching) == found


@given(JOBS, st.integers(1, 8), FETCHING)
def test_environments_keep_their_order_within_a_shard(jobs: list[Job], count: int, fetching: dict[str, float]) -> None:
    for shard in shards(jobs, count, fetching):
        assert list(shard) == sorted(shard, key=int)


@settings(max_examples=50, deadline=None)
@given(JOBS.filter(lambda jobs: 1 <= len(jobs) <= 7), FETCHING)
def test_two_shards_are_near_the_best_that_trying_all_finds(jobs: list[Job], fetching: dict[str, float]) -> None:
    best = min(
        longest(jobs, (tuple(j.id for j, s in zip(jobs, sides, strict=True) if s == n) for n in (0, 1)), fetching)  # type: ignore[arg-type]
        for sides in product((0, 1), repeat=len(jobs))
    )
    assert least_seconds(jobs, 2, fetching) <= best * (1 + 1e-9)
    assert longest(jobs, shards(jobs, 2, fetching), fetching) <= 1.5 * best


def test_a_stack_that_fits_is_not_divided() -> None:
    jobs = [Job(id=f"{stack}{n}", stack=stack, seconds=100) for stack in "abc" for n in range(4)]
    found = shards(jobs, 3, dict.fromkeys("abc", 60.0))
    assert sorted(found) == [tuple(f"{stack}{n}" for n in range(4)) for stack in "abc"]


def test_one_stack_is_divided_where_there_is_nothing_else() -> None:
    jobs = [Job(id=str(n), stack="a", seconds=100) for n in range(8)]
    assert [len(shard) for shard in shards(jobs, 4, {"a": 60.0})] == [2, 2, 2, 2]


@pytest.mark.parametrize(("count", "workers"), [(42, 4), (300, 16), (2000, 64)])
def test_many_are_within_five_percent_of_what_nothing_can_beat(count: int, workers: int) -> None:
    chance = random.Random(23)
    jobs = [
        Job(id=str(n), stack=f"torch{chance.randrange(8)}", seconds=chance.lognormvariate(5, 0.4)) for n in range(count)
    ]
    fetching = {f"torch{n}": 60.0 for n in range(8)}
    found = shards(jobs, workers, fetching)
    assert longest(jobs, found, fetching) <= 1.05 * least_seconds(jobs, workers, fetching)


def test_more_shards_than_environments_leave_some_empty() -> None:
    found = shards([Job(id="one", stack="a", seconds=1)], 3, {})
    assert sorted(found) == [(), (), ("one",)]


def test_a_stack_costs_each_machine_once() -> None:
    shard = Shard()
    for name in ("1", "2"):
        shard.take(Job(id=name, stack="a", seconds=10), {"a": 5.0})
    assert shard.seconds == 25
