"""Run the chosen environments, each in its nox session, stack by stack; then report on the profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asrcompat.baseline import load_baseline
from asrcompat.errors import ExitCode, UsageError
from asrcompat.explain.claims import load_claims
from asrcompat.options import Options
from asrcompat.planning.cost import told_cost
from asrcompat.planning.order import by_stack
from asrcompat.planning.planned import plan_in_use, planned
from asrcompat.planning.shards import in_shard
from asrcompat.report.words import plural
from asrcompat.reporting import BASELINE, CLAIMS, publish_report
from asrcompat.run import ahead
from asrcompat.run.footprint import STACK_GB
from asrcompat.run.progress import Progress
from asrcompat.run.session import Locked
from asrcompat.running.begin import begun_with
from asrcompat.running.cluster import run_on_cluster
from asrcompat.running.stacks import PYTHON_GB, stacks
from asrcompat.running.turns import Run, deadline, names_of, stack_by_stack
from asrcompat.running.workers import connected
from asrcompat.settings import sources_for
from asrcompat.spec import Request
from asrcompat.tasks import with_paths


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
    if options.scheduler is not None and options.run_again:  # before what is known is forgotten
        with connected(options):
            pass
    run = Run.of(options, chosen, progress)
    progress.tell(
        f"profile {options.chosen_profile}: {plural(len(chosen), 'environment')}, {run.jobs} at a time; "
        f"weights {options.chosen_weights}; paths {', '.join(options.chosen_paths)}; "
        f"devices {', '.join(options.chosen_devices)}"
    )
    left: list[Request] = []
    waiting: Sequence[Request] = chosen
    while waiting:  # twins, until what they wait for was run: at least one of each lock is, every time
        begun = begun_with(options, waiting, progress)
        if begun.left:
            dated = {one.id: one.dated(options.as_of).id for one in begun.left}
            with progress.showing(dated.values(), also={name: one for name, one in dated.items() if name != one}):
                left += _run_these(run, begun.left, begun.locked)
        waiting = begun.twins
    for request in left:
        progress.tell(f"{request.id}: not begun: the time that was asked for is over")
    ran, not_begun = ([one.dated(options.as_of) for one in chosen if (one in left) is waits] for waits in (False, True))
    return publish_report(options, ran, not_begun=not_begun)


def _run_these(run: Run, requests: Sequence[Request], locked: Mapping[str, Locked]) -> list[Request]:
    """Run these within the disk; those that were not begun."""
    options, progress = run.options, run.progress
    locks = {name: one.lock for name, one in locked.items()}
    progress.tell(f"to run: {plural(len(requests), 'environment')}; {told_cost(one.sizes for one in locks.values())}")
    if options.scheduler is not None:
        seconds = deadline(options)
        return run_on_cluster(options, requests, locked, progress=progress, seconds=seconds, until=run.until)
    run.prepare()
    groups = by_stack(requests)
    new = [group[0] for group in groups if not _is_there(options, group)]
    torches = [one.torch for one in new]
    need = sum(STACK_GB if torches.index(torch) == n else PYTHON_GB for n, torch in enumerate(torches))
    with stacks(options.work_folder, asked=options.disk, need=need, tell=progress.tell) as disk:
        if disk.tight:
            return stack_by_stack(run, groups, locks, disk)
        together = [one for group in groups for one in group]
        later = [one for one in new if one not in together[: run.jobs]]  # the first sessions fetch their own
        with ahead.fetching(
            _wanted(options, later, locked),
            work=options.work_folder,
            seconds=options.spec.limits.install_seconds,
            tell=progress.tell,
        ):
            return stack_by_stack(run, [together], locks, disk)


def _wanted(options: Options, requests: Sequence[Request], locked: Mapping[str, Locked]) -> list[ahead.Wanted]:
    """What of these environments can be fetched before their sessions ask for it."""
    sources = sources_for(options)
    dated = [one.dated(options.as_of) for one in requests]
    return [
        ahead.Wanted(
            name=one.id,
            lock=locked[one.id].lock,
            interpreter=locked[one.id].interpreter,
            arguments=sources.install_arguments(one.as_of),
        )
        for one in dated
        if one.id in locked
    ]


def _is_there(options: Options, group: Sequence[Request]) -> bool:
    """Whether an environment of a stack was built before: what further ones share with it takes no room again."""
    envs = options.work_folder / "envs"
    return any((envs / name).is_dir() for name in names_of([one.dated(options.as_of) for one in group]))
