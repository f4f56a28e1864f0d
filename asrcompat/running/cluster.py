"""Run environments on the workers of a Dask scheduler: one task each, as whoever is free may take them.

Which worker runs what is decided here (`plan.dispatch`): each keeps to the torch stacks that it has fetched. A worker
that is lost has its environment run elsewhere; one that cannot run any is passed over, and both are told.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from asrcompat.argument_sets import NO_INDEX
from asrcompat.errors import ExitCode, HarnessError
from asrcompat.options import Options
from asrcompat.plan.dispatch import Dispatch
from asrcompat.plan.document import dump_plan, kept_plan
from asrcompat.plan.kept import Carried
from asrcompat.plan.prepare import carried
from asrcompat.plan.shard import Job
from asrcompat.planning.shards import expected_seconds
from asrcompat.reporting import identities
from asrcompat.run import code
from asrcompat.run.progress import Progress
from asrcompat.run.schedule import StoppedError
from asrcompat.run.session import Locked
from asrcompat.running.given_back import keep
from asrcompat.running.remote import Done, Task, checkout_digest, run_task, stop
from asrcompat.running.workers import GPU, connected, usable_workers, wants_gpu
from asrcompat.settings import settings_for, sources_for
from asrcompat.spec import Request

if TYPE_CHECKING:
    from distributed import Client, Future

_WAIT_SECONDS = 60.0  # for a first worker, and for another one where all are lost
_TRIES = 3  # of one environment: the machines, not the packages, are to blame


def run_on_cluster(
    options: Options,
    requests: Sequence[Request],
    locked: Mapping[str, Locked],
    *,
    progress: Progress,
    seconds: float,
    until: float | None,
) -> list[Request]:
    """Run these on the scheduler's workers, and keep their results; those that were not begun.

    `locked` are their locks, by the ids as of their day: a worker of the same kind of machine installs those.
    Raises `UsageError` where Dask is not installed or no scheduler answers, `HarnessError` where no worker is left.
    """
    with connected(options) as client:
        topic = f"asrcompat-{client.id}"  # another run's client may be there as well
        client.subscribe_topic(topic, lambda event: progress.tell(str(event[1])))
        run = _Cluster(options, requests, locked, client=client, progress=progress, seconds=seconds, topic=topic)
        try:
            left = run.all(until)
        except BaseException as error:
            if isinstance(error, OSError) and client.status != "running":
                raise HarnessError(
                    f"{options.scheduler}: the scheduler is gone ({error}); what workers finished lies in their work "
                    "folders: take it over by `merge`, or start a scheduler and run it again"
                ) from error
            run.stop()
            raise
    return left


class _Cluster:
    """One run: what is given out, and to whom."""

    def __init__(
        self,
        options: Options,
        requests: Sequence[Request],
        locked: Mapping[str, Locked],
        *,
        client: Client,
        progress: Progress,
        seconds: float,
        topic: str,
    ) -> None:
        self._options, self._client, self._progress, self._topic = options, client, progress, topic
        self._requests = {one.id: one for one in requests}
        self._locked, self._sources = locked, sources_for(options)
        expected = expected_seconds(options, requests)
        jobs = [Job(id=one.id, stack=one.torch, seconds=expected[one.id]) for one in requests]
        self._dispatch = Dispatch(jobs)
        self._running: dict[Future[Done], tuple[Job, str]] = {}
        self._tries = dict.fromkeys(self._requests, 0)
        self._refused: dict[str, str] = {}
        self._seen, self._waits = time.monotonic(), False
        self._left: list[Request] = []
        self._over = False
        self._code = code.digest(settings_for(options, None, request=None, threads=1))
        plan = None
        if options.spec.profile(options.chosen_profile).cover is not None:
            plan = kept_plan(options.work_folder, options.chosen_profile, options.as_of, warn=progress.tell)
        self._task = Task(
            run_name=topic,
            name="",
            # the locks here are resolved from it, or without it
            choices=(*options.choices_for_sessions(), "--torch-index", self._sources.torch_index or NO_INDEX),
            seconds=seconds,
            checkout=checkout_digest(options.root),
            profile=options.chosen_profile,
            plan=None if plan is None else dump_plan(plan),
            as_of=options.as_of,
            anew=options.fresh,
        )

    def all(self, until: float | None) -> list[Request]:
        """Run until nothing is left, or nothing more may be begun."""
        while self._running or len(self._dispatch):
            if until is not None and time.monotonic() > until and not self._over:
                self._over = True
                self._left += [self._requests[job.id] for job in self._dispatch.drop()]
            self._give_out()
            self._take_back()
        return self._left

    def stop(self) -> None:
        """End what runs: the tasks here, and their sessions there."""
        with contextlib.suppress(Exception):  # whoever is gone has nothing to end
            self._client.run(stop, self._topic, on_error="ignore")
        with contextlib.suppress(Exception):
            self._client.cancel(list(self._running))

    def _give_out(self) -> None:
        workers = [one for one in usable_workers(self._client, self._options) if one not in self._refused]
        if workers or self._running:
            self._seen, self._waits = time.monotonic(), False
        elif not self._waits:
            self._waits = True
            self._progress.tell(f"waits for a worker at {self._options.scheduler}, {_WAIT_SECONDS:.0f} s at most")
        elif time.monotonic() - self._seen > _WAIT_SECONDS and len(self._dispatch):
            raise HarnessError(self._nobody())
        for worker in workers:
            busy = sum(place == worker for _, place in self._running.values())
            for _ in range(busy, self._options.jobs or 1):
                if (job := self._dispatch.next_for(worker)) is None:
                    return
                self._begin(job, worker)

    def _begin(self, job: Job, worker: str) -> None:
        self._tries[job.id] += 1
        self._progress.tell(f"{job.id}: begins on {worker}")
        future = self._client.submit(
            _on_worker,
            replace(self._task, name=job.id, resolved=self._resolved(job)),
            workers=[worker],
            pure=False,
            retries=0,
            key=f"{job.id}-try{self._tries[job.id]}-{time.monotonic_ns()}",
        )
        self._running[future] = (job, worker)

    def _take_back(self) -> None:
        """Keep what is done; let what a lost worker had be run elsewhere."""
        time.sleep(0.1)
        here = set(self._client.nthreads())
        for future, (job, worker) in list(self._running.items()):
            if future.done():
                del self._running[future]
                self._ended(job, worker, future)
            elif worker not in here:
                del self._running[future]
                future.cancel()
                self._dispatch.gone(worker)
                self._once_more(job, f"{worker} is lost")

    def _ended(self, job: Job, worker: str, future: Future[Done]) -> None:
        try:
            done = future.result()
        except Exception as error:
            self._once_more(job, f"{worker}: {type(error).__name__}: {error}")
            return
        if done.refused:
            self._refused[worker] = done.refused
            self._tries[job.id] -= 1
            self._once_more(job, f"{worker} is passed over: {done.refused}")
            return
        request = self._dated(job)
        keep(
            done,
            job.id,
            kept_as=identities(request),
            worker=worker,
            ours=self._locked.get(request.id),
            code=self._code,
            store=self._options.store,
            tell=self._progress.tell,
        )
        if done.code not in (ExitCode.OK, ExitCode.WORSE):
            self._progress.tell(f"{job.id}: its session on {worker} ended with code {done.code}:\n{done.tail}")

    def _resolved(self, job: Job) -> Carried:
        """What goes with an environment that was locked here; another one is resolved where it is run."""
        request = self._dated(job)
        source = self._locked.get(request.id)
        return {} if source is None else carried(request, source, self._sources)

    def _dated(self, job: Job) -> Request:
        return self._requests[job.id].dated(self._options.as_of)

    def _once_more(self, job: Job, why: str) -> None:
        if self._over:
            self._progress.tell(f"{job.id}: {why}")
            self._left.append(self._requests[job.id])
        elif self._tries[job.id] < _TRIES:
            self._progress.tell(f"{job.id}: to be run elsewhere: {why}")
            self._dispatch.give_back(job)
        else:
            self._progress.tell(f"{job.id}: given up after {_TRIES} tries: {why}")

    def _nobody(self) -> str:
        """Why nothing can be run any more."""
        refused = "".join(f"\n  {worker}: {why}" for worker, why in self._refused.items())
        offers = f" that offers the resource {GPU}" if wants_gpu(self._options) else ""
        return (
            f"{self._options.scheduler}: no worker{offers} is there to run {len(self._dispatch)} environments; start "
            f"some with `dask worker {self._options.scheduler}`{refused}"
        )


def _on_worker(task: Task) -> Done:
    from distributed import get_worker  # noqa: PLC0415 - there is one where this runs

    worker = get_worker()
    try:
        return run_task(task, lambda text: worker.log_event(task.run_name, text))
    except StoppedError:
        return Done()  # nobody waits for it
