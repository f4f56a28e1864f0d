"""Run the chosen environments, each in its nox session, stack by stack; then report on the profile."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asrcompat.baseline import load_baseline
from asrcompat.errors import ExitCode, UsageError
from asrcompat.explain.claims import load_claims
from asrcompat.model import EnvironmentResult, Outcome
from asrcompat.options import Options
from asrcompat.planning.cost import told_cost
from asrcompat.planning.order import by_stack
from asrcompat.planning.planned import plan_in_use, planned
from asrcompat.planning.shards import in_shard
from asrcompat.report.words import plural
from asrcompat.reporting import BASELINE, CLAIMS, identities, publish_report, read_result
from asrcompat.run import host, schedule
from asrcompat.run.breaker import NOT_ASKED, Breaker
from asrcompat.run.footprint import STACK_GB
from asrcompat.run.inputs import prepare_inputs
from asrcompat.run.lock import Lock
from asrcompat.run.progress import Progress
from asrcompat.running.begin import begun_with
from asrcompat.running.cluster import run_on_cluster
from asrcompat.running.stacks import PYTHON_GB, Stacks, filled_the_disk, stacks
from asrcompat.settings import settings_for, sources_for
from asrcompat.spec import Request
from asrcompat.tasks import with_paths

_SPARE_SECONDS = 600  # beyond the deadlines of what a session does, before its run ends it


def matrix(options: Options) -> int:
    """Run the chosen environments, each in its nox session, then report on the profile."""
    with plan_in_use(options):
        return _run_and_report(options, Progress(quiet=options.quiet))


def _run_and_report(options: Options, progress: Progress) -> int:
    if options.scheduler is not None and options.disk is not None:
        raise UsageError("--disk: what the workers of a --scheduler have is theirs; leave it out")
    options, _ = planned(options, progress.tell)
    load_baseline(options.root / BASELINE, options.spec)  # a fault in it is told before hours are spent
    load_claims(options.root / CLAIMS)
    mine = in_shard(options)
    if options.shard is not None:
        every = plural(len(options.chosen_environments), "environment")
        progress.tell(f"shard {options.shard}: {len(mine)} of {every}")
        if not mine:
            return ExitCode.OK
    chosen = with_paths(options, mine, progress)
    if not chosen:
        raise UsageError("no environment is left to run: none of the paths asked for is tried in any of them")
    run = _Run.of(options, chosen, progress)
    progress.tell(
        f"profile {options.chosen_profile}: {plural(len(chosen), 'environment')}, {run.jobs} at a time; "
        f"weights {options.chosen_weights}; paths {', '.join(options.chosen_paths)}; "
        f"devices {', '.join(options.chosen_devices)}"
    )
    begun = begun_with(options, chosen, progress)
    left = _run_these(run, begun.left, begun.locks) if begun.left else []
    for request in left:
        progress.tell(f"{request.id}: not begun: the time that was asked for is over")
    ran, not_begun = ([one.dated(options.as_of) for one in chosen if (one in left) is waits] for waits in (False, True))
    return publish_report(options, ran, not_begun=not_begun)


def _run_these(run: _Run, requests: Sequence[Request], locks: Mapping[str, Lock]) -> list[Request]:
    """Run these within the disk; those that were not begun."""
    options, progress = run.options, run.progress
    progress.tell(f"to run: {plural(len(requests), 'environment')}; {told_cost(one.sizes for one in locks.values())}")
    if options.scheduler is not None:
        return run_on_cluster(options, requests, progress=progress, seconds=_deadline(options), until=run.until)
    run.prepare()
    groups = by_stack(requests)
    new = [group[0].torch for group in groups if not _is_there(options, group)]
    need = sum(STACK_GB if new.index(torch) == n else PYTHON_GB for n, torch in enumerate(new))
    with stacks(options.work_folder, asked=options.disk, need=need, tell=progress.tell) as disk:
        if not disk.tight:
            groups = [[one for group in groups for one in group]]
        return _stack_by_stack(run, groups, locks, disk)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What holds for all sessions of a run; nothing is begun after `until` (`time.monotonic`)."""

    options: Options
    progress: Progress
    jobs: int
    threads: int
    until: float | None

    @classmethod
    def of(cls, options: Options, chosen: Sequence[Request], progress: Progress) -> _Run:
        """As many at a time as was asked for, or as cores and memory bear."""
        limits = options.spec.limits
        wanted = options.jobs or limits.jobs
        jobs = schedule.parallel(wanted, environments=len(chosen), memory_gb=limits.memory_gb)
        minutes = None if options.room is None else options.room.minutes
        return cls(
            options=options,
            progress=progress,
            jobs=jobs,
            threads=options.threads or max(1, host.usable_cores() // jobs),
            until=None if minutes is None else time.monotonic() + 60 * minutes,
        )

    def prepare(self) -> None:
        """Make once what every session is given."""
        settings = settings_for(self.options, None, request=None, threads=self.threads)
        self.progress.tell("prepare the checkpoint, speech and references")
        prepare_inputs(model=settings.model, weights=settings.weights, fixtures=settings.fixtures, work=settings.work)

    def sessions(self, requests: Sequence[Request]) -> list[Request]:
        """Run the sessions of these environments; those that were not begun."""
        options = self.options
        logs = options.work_folder / "logs"

        def after(name: str, code: int) -> None:
            if code not in (ExitCode.OK, ExitCode.WORSE):
                self.progress.tell(f"{name}: its session ended with code {code}:\n{schedule.tail(logs, name)}")

        sources = sources_for(options)
        left = schedule.run_sessions(
            [request.id for request in requests],
            root=options.root,
            options=options.for_sessions(threads=self.threads, torch_index=sources.torch_index),
            jobs=self.jobs,
            seconds=_deadline(options),
            logs=logs,
            progress=self.progress,
            after=after,
            until=self.until,
            as_of=options.as_of,
        )
        return [request for request in requests if request.id in left]


def _deadline(options: Options) -> float:
    """The seconds after which a session is ended that should long have ended by itself."""
    limits = options.spec.limits
    cells = len(options.chosen_paths) * len(options.chosen_devices)
    seconds = limits.resolve_seconds * 2 + limits.install_seconds + _SPARE_SECONDS
    findings = sum(options.spec.probe.findings.values())
    return seconds + 2 * cells * (limits.import_seconds + limits.cell_seconds + findings)


def _stack_by_stack(
    run: _Run, groups: Sequence[Sequence[Request]], locks: Mapping[str, Lock], disk: Stacks
) -> list[Request]:
    """Stack after stack, so that a finished one can make room."""
    left: list[Request] = []
    for group in groups:
        dated = [one.dated(run.options.as_of) for one in group]
        disk.begin(_names(dated), [locks[one.id] for one in dated if one.id in locks])
        left += _in_turn(run, group, disk)
        disk.end()
    return left


def _in_turn(run: _Run, requests: Sequence[Request], disk: Stacks) -> list[Request]:
    """Run these; those that found the disk full once more, after room was made."""
    left = run.sessions(requests)
    dated = {one.id: one.dated(run.options.as_of) for one in requests if one not in left}
    full = [
        one for one in requests if one.id in dated and filled_the_disk(read_result(run.options.store, dated[one.id]))
    ]
    if full:
        run.progress.tell(f"disk: full for {', '.join(one.id for one in full)}; room is made and they run once more")
        disk.make_room(_names([dated[one.id] for one in full]))
        left += run.sessions(full)
    return left + _asked_later(run, [one for one in requests if one.id in dated])


def _asked_later(run: _Run, requests: Sequence[Request]) -> list[Request]:
    """Run those once more that an index in trouble was not asked for, as soon as it may be; those not begun."""
    options = run.options
    found = {one.id: read_result(options.store, one.dated(options.as_of)) for one in requests}
    waiting = [one for one in requests if _was_not_asked(found[one.id])]
    if not waiting:
        return []
    seconds = Breaker(options.work_folder).seconds_left()
    run.progress.tell(f"the index is asked again in {seconds:.0f} s, for {plural(len(waiting), 'environment')}")
    time.sleep(seconds)
    return run.sessions(waiting)


def _was_not_asked(result: EnvironmentResult | None) -> bool:
    return result is not None and any(
        cell.outcome is Outcome.ERROR and cell.message.startswith(NOT_ASKED) for cell in result.cells
    )


def _is_there(options: Options, group: Sequence[Request]) -> bool:
    """Whether an environment of a stack was built before: what further ones share with it takes no room again."""
    envs = options.work_folder / "envs"
    return any((envs / name).is_dir() for name in _names([one.dated(options.as_of) for one in group]))


def _names(requests: Sequence[Request]) -> set[str]:
    """What the environments of these requests may be called, whichever build of torch they have."""
    return {name for one in requests for name in identities(one)}
