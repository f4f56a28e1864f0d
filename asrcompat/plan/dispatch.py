"""Give out environments one by one to machines that come and go: of the stacks that they have, long ones first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asrcompat.plan.shard import Job


class Dispatch:
    """What is left to run, and which stacks each machine has fetched."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._left: dict[str, list[Job]] = {}
        for job in jobs:
            self._left.setdefault(job.stack, []).append(job)
        for waiting in self._left.values():
            waiting.sort(key=lambda job: (job.seconds, job.id))
        self._work = {stack: sum(job.seconds for job in waiting) for stack, waiting in self._left.items()}
        self._has: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._left.values()))

    def next_for(self, machine: str) -> Job | None:
        """The environment that a machine runs next, which is given out by that; None where nothing is left.

        Of a stack that it has; else of the one with most work for each machine that has it.
        """
        waiting = [stack for stack, jobs in self._left.items() if jobs]
        if not waiting:
            return None
        own = self._has.setdefault(machine, set())
        stack = max([one for one in waiting if one in own] or waiting, key=self._work_for_each)
        own.add(stack)
        job = self._left[stack].pop()
        self._work[stack] -= job.seconds
        return job

    def give_back(self, job: Job) -> None:
        """Let an environment be run elsewhere: whoever had it is gone."""
        self._left.setdefault(job.stack, []).append(job)
        self._work[job.stack] += job.seconds

    def gone(self, machine: str) -> None:
        """A machine is gone, and its stacks with it."""
        self._has.pop(machine, None)

    def drop(self) -> Sequence[Job]:
        """Give nothing more out; what was left."""
        left = [job for jobs in self._left.values() for job in jobs]
        self._left.clear()
        return left

    def _work_for_each(self, stack: str) -> tuple[float, str]:
        having = sum(stack in stacks for stacks in self._has.values())
        return self._work[stack] / (having + 1), stack
