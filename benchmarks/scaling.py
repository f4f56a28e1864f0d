"""How long 10,000 environments take on up to 256 machines, by the code that divides a run among them.

Nothing is run: an environment takes what one of the published nightly report took, drawn at random with a fixed seed.
Of a torch stack every machine that has it fetches it once. The least time that nothing can beat is the whole work
divided by the machines, or the longest environment with its stack, whichever is more. Estimates are never exact: the
last two columns are what becomes of the same shards where each environment takes up to a fifth more or less, and of
environments that are given out one by one as machines are free (`--scheduler`), by the code that does this.
"""

from __future__ import annotations

import heapq
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from asrcompat.plan.dispatch import Dispatch
from asrcompat.plan.shard import Job, least_seconds, shards
from asrcompat.result_files import parse_results

ROOT = Path(__file__).parents[1]
MEASURED = ROOT / "reports" / "nightly" / "results.json"
PAGE = ROOT / "docs" / "scaling.md"
ENVIRONMENTS, STACKS = 10_000, 40
FETCH_SECONDS = 60.0  # of a torch with its CUDA libraries from PyPI; 30 to 50 s were seen, once it is 5 GB unpacked
WORKERS = (1, 4, 16, 64, 128, 256)
ALLOWED = 1.05


def measured() -> list[float]:
    """The seconds of resolving, building and probing of every environment of the report."""
    report = parse_results(MEASURED.read_bytes(), source=str(MEASURED))
    stages = ("resolve", "install", "probe")
    return [sum(one.seconds[stage] for stage in stages) for one in report.environments if "probe" in one.seconds]


def jobs_like(seconds: Sequence[float]) -> list[Job]:
    """Environments of as many stacks, stacks of different sizes, each taking what one of the measured ones took."""
    chance = random.Random(23)
    stacks = [f"torch{number}" for number in range(STACKS)]
    sizes = [1 + number % 8 for number in range(STACKS)]
    chosen = chance.choices(stacks, weights=sizes, k=ENVIRONMENTS)
    return [Job(id=str(n), stack=stack, seconds=chance.choice(seconds)) for n, stack in enumerate(chosen)]


def longest(parts: Sequence[Sequence[str]], jobs: Mapping[str, Job], fetching: Mapping[str, float]) -> float:
    """The seconds of the machine that is done last."""
    return max(
        sum(jobs[name].seconds for name in part) + sum(fetching[stack] for stack in {jobs[name].stack for name in part})
        for part in parts
    )


def one_by_one(jobs: Sequence[Job], takes: Mapping[str, Job], count: int, fetching: Mapping[str, float]) -> float:
    """The seconds until all are done that are given out as machines are free, by estimates of what they take."""
    dispatch = Dispatch(jobs)
    free = [(0.0, number) for number in range(count)]
    has: dict[int, set[str]] = {number: set() for number in range(count)}
    end = 0.0
    while free:
        now, machine = heapq.heappop(free)
        job = dispatch.next_for(str(machine))
        if job is None:
            end = max(end, now)
            continue
        took = takes[job.id].seconds + (0.0 if job.stack in has[machine] else fetching[job.stack])
        has[machine].add(job.stack)
        heapq.heappush(free, (now + took, machine))
    return end


def lines() -> Iterator[str]:
    """The table."""
    jobs = jobs_like(measured())
    by_id = {job.id: job for job in jobs}
    chance = random.Random(5)
    as_it_came = {
        job.id: Job(id=job.id, stack=job.stack, seconds=job.seconds * chance.uniform(0.8, 1.2)) for job in jobs
    }
    fetching = {job.stack: FETCH_SECONDS for job in jobs}
    yield "| machines | least, h | shards, h | over | one by one, h | over | off by up to 20 %: shards | one by one |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for count in WORKERS:
        parts = shards(jobs, count, fetching)
        least, found = least_seconds(jobs, count, fetching), longest(parts, by_id, fetching)
        given = one_by_one(jobs, by_id, count, fetching)
        for name, seconds in (("shards", found), ("one by one", given)):
            if seconds > ALLOWED * least:
                raise SystemExit(f"{count} machines, {name}: {seconds:.0f} s, more than {ALLOWED} times {least:.0f} s")
        least_then = least_seconds(list(as_it_came.values()), count, fetching)
        shards_then = longest(parts, as_it_came, fetching) / least_then
        given_then = one_by_one(jobs, as_it_came, count, fetching) / least_then
        yield (
            f"| {count} | {least / 3600:.2f} | {found / 3600:.2f} | {found / least - 1:.1%} | {given / 3600:.2f} | "
            f"{given / least - 1:.1%} | {abs(shards_then - 1):.1%} over | {abs(given_then - 1):.1%} over |"
        )


def page() -> str:
    """The table with what it is and how it was made."""
    seconds = measured()
    return (
        "# How far it scales\n\n"
        f"{__doc__}\n"
        f"{ENVIRONMENTS:,} environments of {STACKS} torch stacks; {len(seconds)} measured environments of "
        f"{min(seconds):.0f} to {max(seconds):.0f} s, {sum(seconds) / len(seconds):.0f} s in the mean; "
        f"{FETCH_SECONDS:.0f} s to fetch a stack. Made by `python benchmarks/scaling.py --write`.\n\n"
        + "\n".join(lines())
        + "\n"
    )


if __name__ == "__main__":
    if "--write" in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        print("\n".join(lines()))
