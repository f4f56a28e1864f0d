"""What the commands do, as a pipeline of plain functions: prepare, run, keep; `reporting` judges and publishes."""

from __future__ import annotations

from collections.abc import Sequence

from asrcompat.baseline import load_baseline
from asrcompat.errors import ExitCode, UsageError
from asrcompat.explain.claims import load_claims
from asrcompat.options import Options
from asrcompat.plan.prepare import prepare
from asrcompat.report.admit import admit
from asrcompat.reporting import BASELINE, CLAIMS, forget, judge, publish_report
from asrcompat.run import host, schedule
from asrcompat.run.inputs import prepare_inputs
from asrcompat.run.progress import Progress
from asrcompat.run.session import Locked, run_session
from asrcompat.run.store import Store
from asrcompat.settings import settings_for, sources_for
from asrcompat.spec import Request

_SPARE_SECONDS = 600  # beyond the deadlines of what a session does, before its run ends it


def session(options: Options, name: str) -> int:
    """Run one environment and keep its result: what its nox session does, wherever it runs."""
    # profiles may ask for one environment in different ways: with a recipe, or with some paths only
    known = (*options.spec.environments(options.chosen_profile), *options.spec.all_environments())
    request = next((one for one in known if one.id == name), None)
    if request is None:
        message = f"no environment {name!r} in {options.matrix.name}; `nox -l` and `asrcompat plan` list them"
        raise UsageError(message)
    progress = Progress(quiet=options.quiet)
    if not _with_paths(options, [request], progress):
        return ExitCode.OK
    tell = progress.about(request.id)
    store = Store(options.work_folder, options.chosen_weights)
    if options.whole_cells:
        forget(store, request)
    sources = sources_for(options)
    settings = settings_for(options, sources, request=request, threads=options.threads or host.usable_cores())
    tell("resolve")
    environment, source = prepare(request, sources)
    result = run_session(environment, source, settings, tell=tell)
    lock = source.text if isinstance(source, Locked) else None
    store.write(result, lock=lock)
    result = admit(result)
    for cell in result.cells:
        at = f" at {cell.stage}" if cell.stage else ""
        first_line = cell.message.partition("\n")[0]
        tell(f"{cell.path} on {cell.device}: {cell.outcome}{at}" + (f": {first_line}" if first_line else ""))
    kept = store.file(environment.id)
    tell(f"kept in {kept.relative_to(options.root) if kept.is_relative_to(options.root) else kept}")
    comparison = judge(options, [request], [result])
    for one in comparison.as_data()["regressions"]:
        tell(
            f"worse than {BASELINE}: {one['path']} on {one['device']}: {one['expected']} expected, {one['found']} found"
        )
    return comparison.exit_code


def matrix(options: Options) -> int:
    """Run the chosen environments, each in its nox session, then report on the profile."""
    load_baseline(options.root / BASELINE, options.spec)  # a fault in it is told before hours are spent
    load_claims(options.root / CLAIMS)
    progress = Progress(quiet=options.quiet)
    chosen = _with_paths(options, options.chosen_environments, progress)
    if not chosen:
        raise UsageError("no environment is left to run: none of the paths asked for is tried in any of them")
    limits = options.spec.limits
    wanted = options.jobs or limits.jobs
    jobs = schedule.parallel(wanted, environments=len(chosen), memory_gb=limits.memory_gb)
    threads = options.threads or max(1, host.usable_cores() // jobs)
    sources = sources_for(options)
    settings = settings_for(options, sources, request=None, threads=threads)
    progress.tell(
        f"profile {options.chosen_profile}: {len(chosen)} environments, {jobs} at a time; weights {settings.weights}; "
        f"paths {', '.join(settings.paths)}; devices {', '.join(settings.devices)}"
    )
    progress.tell("prepare the checkpoint, speech and references")
    prepare_inputs(model=settings.model, weights=settings.weights, fixtures=settings.fixtures, work=settings.work)
    logs = options.work_folder / "logs"
    cells = len(settings.paths) * len(settings.devices)
    seconds = limits.resolve_seconds * 2 + limits.install_seconds + _SPARE_SECONDS
    findings = sum(options.spec.probe.findings.values())
    seconds += 2 * cells * (limits.import_seconds + limits.cell_seconds + findings)
    store = Store(options.work_folder, settings.weights)
    for request in chosen if options.whole_cells else ():
        forget(store, request)

    def after(name: str, code: int) -> None:
        if code not in (ExitCode.OK, ExitCode.WORSE):
            progress.tell(f"{name}: its session ended with code {code}:\n{schedule.tail(logs, name)}")

    schedule.run_sessions(
        [request.id for request in chosen],
        root=options.root,
        options=options.for_sessions(threads=threads, torch_index=sources.torch_index),
        jobs=jobs,
        seconds=seconds,
        logs=logs,
        progress=progress,
        after=after,
    )
    return publish_report(options, chosen)


def report(options: Options) -> int:
    """Report on a profile from the results there are."""
    environments = options.spec.environments(options.chosen_profile)
    return publish_report(options, _with_paths(options, environments, Progress(quiet=options.quiet)))


def plan(options: Options) -> int:
    """List a profile's environments."""
    load_baseline(options.root / BASELINE, options.spec)
    for request in options.spec.environments(options.chosen_profile):
        print(f"{request.id}\n    {request.title}")
        for pin in request.pins:
            print(f"    with {', '.join(pin.requirements)}: {pin.reason}")
    for request, reason in options.spec.excluded(options.chosen_profile):
        print(f"excluded: {request.id}: {reason}")
    return ExitCode.OK


def _with_paths(options: Options, requests: Sequence[Request], progress: Progress) -> tuple[Request, ...]:
    """The environments in which there is something to try; the others are told."""
    left = tuple(request for request in requests if options.paths_for(request))
    for request in requests:
        if request not in left:
            own = ", ".join(request.paths)
            progress.tell(f"{request.id}: left out: it is for {own} only, and none of these is asked for")
    return left
