"""What the commands do, as a pipeline of plain functions: prepare, run, collect, judge, publish."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from asrcompat.baseline import Comparison, compare, load_baseline
from asrcompat.errors import ExitCode, HarnessError, UsageError
from asrcompat.model import EnvironmentResult
from asrcompat.options import NO_INDEX, Options
from asrcompat.plan.prepare import Sources, prepare
from asrcompat.plan.torch_index import reachable
from asrcompat.report.merge import admit, merge
from asrcompat.report.publish import publish
from asrcompat.report.summary import job_summary
from asrcompat.report.terminal import render_table
from asrcompat.run import host, schedule
from asrcompat.run.inputs import prepare_inputs
from asrcompat.run.progress import Progress
from asrcompat.run.session import Locked, Settings, run_session, unavailable_devices
from asrcompat.run.store import Store, write_text
from asrcompat.spec import Request, environment_id

BASELINE = "baseline.toml"
_SPARE_SECONDS = 600  # beyond the deadlines of what a session does, before its run ends it


def session(options: Options, name: str) -> int:
    """Run one environment and keep its result: what its nox session does, wherever it runs."""
    request = next((one for one in options.spec.all_environments() if one.id == name), None)
    if request is None:
        message = f"no environment {name!r} in {options.matrix.name}; `nox -l` and `asrcompat plan` list them"
        raise UsageError(message)
    progress = Progress(quiet=options.quiet)
    tell = progress.about(request.id)
    store = Store(options.work_folder, options.chosen_weights)
    if options.whole_cells:
        _forget(store, request)
    sources = _sources(options)
    settings = _settings(options, sources, threads=options.threads or host.usable_cores())
    tell("resolve")
    environment, source = prepare(request, sources)
    result = run_session(environment, source, settings, tell=tell)
    lock = source.text if isinstance(source, Locked) else None
    store.write(result, lock=lock)
    for cell in result.cells:
        at = f" at {cell.stage}" if cell.stage else ""
        first_line = cell.message.partition("\n")[0]
        tell(f"{cell.path} on {cell.device}: {cell.outcome}{at}" + (f": {first_line}" if first_line else ""))
    kept = store.file(environment.id)
    tell(f"kept in {kept.relative_to(options.root) if kept.is_relative_to(options.root) else kept}")
    comparison = _judge(options, [request], [result])
    for one in comparison.as_data()["regressions"]:
        tell(
            f"worse than {BASELINE}: {one['path']} on {one['device']}: {one['expected']} expected, {one['found']} found"
        )
    return comparison.exit_code


def matrix(options: Options) -> int:
    """Run the chosen environments, each in its nox session, then report on the profile."""
    chosen = options.chosen_environments
    load_baseline(options.root / BASELINE, options.spec)  # a fault in it is told before hours are spent
    progress = Progress(quiet=options.quiet)
    limits = options.spec.limits
    wanted = options.jobs or limits.jobs
    jobs = schedule.parallel(wanted, environments=len(chosen), memory_gb=limits.memory_gb)
    threads = options.threads or max(1, host.usable_cores() // jobs)
    sources = _sources(options)
    settings = _settings(options, sources, threads=threads)
    progress.tell(
        f"profile {options.chosen_profile}: {len(chosen)} environments, {jobs} at a time; weights {settings.weights}; "
        f"paths {', '.join(settings.paths)}; devices {', '.join(settings.devices)}"
    )
    progress.tell("prepare the checkpoint, speech and references")
    prepare_inputs(model=settings.model, weights=settings.weights, fixtures=settings.fixtures, work=settings.work)
    logs = options.work_folder / "logs"
    cells = len(settings.paths) * len(settings.devices)
    seconds = limits.resolve_seconds * 2 + limits.install_seconds + _SPARE_SECONDS
    seconds += 2 * cells * (limits.import_seconds + limits.cell_seconds)
    store = Store(options.work_folder, settings.weights)
    for request in chosen if options.whole_cells else ():
        _forget(store, request)

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
    return _report(options, chosen)


def report(options: Options) -> int:
    """Report on a profile from the results there are."""
    return _report(options, options.spec.environments(options.chosen_profile))


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


def _report(options: Options, judged: Sequence[Request]) -> int:
    """Publish and judge these environments from the results there are."""
    store = Store(options.work_folder, options.chosen_weights)
    found = {request.id: _read(store, request) for request in judged}
    results = [result for result in found.values() if result is not None]
    if not results:
        profile, weights = options.chosen_profile, options.chosen_weights
        message = (
            f"no results of profile '{profile}' on {weights}: run "
            f"`nox -s matrix -- --profile {profile} --weights {weights}`, or name the profile and weights that were run"
        )
        raise HarnessError(message)
    comparison = _judge(options, judged, results)
    merged = merge(
        results,
        profile=options.chosen_profile,
        planned=[name if (result := found[name]) is None else result.environment.id for name in found],
        expectations=comparison.as_data(),
    )
    folder = options.reports_folder
    locks = {result.environment.lock: store.lock(result.environment) for result in results if result.environment.lock}
    publish(merged, folder)
    _publish_locks(locks, folder)
    if (summary := os.environ.get("GITHUB_STEP_SUMMARY")) is not None:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(job_summary(merged))
    render_table(merged, Console())
    shown = folder.relative_to(options.root) if folder.is_relative_to(options.root) else folder
    print(f"report: {shown}/compatibility.md, results: {shown}/results.json")
    return comparison.exit_code


def _publish_locks(locks: Mapping[str, str], folder: Path) -> None:
    """Write the locks of this report, then remove those of an earlier one."""
    for name, text in locks.items():
        write_text(folder / name, text)
    for old in (folder / "locks").glob("*.txt"):
        if f"locks/{old.name}" not in locks:
            old.unlink()


def _judge(options: Options, judged: Sequence[Request], results: Sequence[EnvironmentResult]) -> Comparison:
    """Compare what was found with what was expected of these environments."""
    baseline = load_baseline(options.root / BASELINE, options.spec)
    by_id = {result.environment.id: result for result in results}
    planned = []
    cells = []
    for request in judged:
        result = next((by_id[identity] for identity in _identities(request) if identity in by_id), None)
        identity = request.id if result is None else result.environment.id
        tried = [cell.key for cell in result.cells] if result is not None else []
        wanted = [(identity, path, device.value) for path in options.chosen_paths for device in options.chosen_devices]
        planned += list(dict.fromkeys([*wanted, *tried]))
        cells += list(result.cells) if result is not None else []
    return compare(baseline, planned=planned, cells=cells)


def _read(store: Store, request: Request) -> EnvironmentResult | None:
    """The newest result of a request, whichever build of torch it is of."""
    warn = Progress().tell
    found = [result for identity in _identities(request) if (result := store.read(identity, warn=warn)) is not None]
    return max((admit(result) for result in found), key=lambda result: result.generated_at, default=None)


def _forget(store: Store, request: Request) -> None:
    """A run that is killed must not leave the last run's results as its own."""
    for identity in _identities(request):
        store.remove(identity)


def _identities(request: Request) -> tuple[str, str]:
    """The ids under which a request's result may be kept: PyPI's build of torch, or the CPU build."""
    return request.id, environment_id(request.id, "cpu")


def _settings(options: Options, sources: Sources, *, threads: int) -> Settings:
    return Settings(
        root=options.root,
        work=options.work_folder,
        model=options.spec.model.name,
        weights=options.chosen_weights,
        paths=options.chosen_paths,
        devices=options.chosen_devices,
        probe=options.spec.probe,
        limits=options.spec.limits,
        install_arguments=sources.install_arguments,
        threads=threads,
    )


def _sources(options: Options) -> Sources:
    index = options.spec.index
    torch_index = options.torch_index
    if torch_index is None and index.torch_cpu is not None:
        devices = options.chosen_devices
        cuda = "cuda" in devices and not unavailable_devices(devices)
        torch_index = index.torch_cpu if not cuda and reachable(index.torch_cpu) else None
    return Sources(
        index=index,
        torch_index=None if torch_index == NO_INDEX else torch_index,
        work=options.work_folder,
        seconds=options.spec.limits.resolve_seconds,
        fresh=options.fresh,
    )
