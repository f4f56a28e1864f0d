"""What the commands do, as a pipeline of plain functions: prepare, run, keep; `reporting` judges and publishes."""

from __future__ import annotations

from collections.abc import Sequence

from asrcompat.errors import ExitCode, UsageError
from asrcompat.options import Options
from asrcompat.plan.prepare import prepare
from asrcompat.report.admit import admit
from asrcompat.reporting import BASELINE, forget, judge, publish_report
from asrcompat.run import host
from asrcompat.run.progress import Progress
from asrcompat.run.session import Locked, run_session
from asrcompat.settings import settings_for, sources_for
from asrcompat.spec import Request

_SPARE_SECONDS = 600  # beyond the deadlines of what a session does, before its run ends it


def session(options: Options, name: str) -> int:
    """Run one environment and keep its result: what its nox session does, wherever it runs."""
    # profiles may ask for one environment in different ways: with a recipe, or with some paths only
    known = (*options.spec.environments(options.chosen_profile), *options.spec.all_environments())
    request = next((one.dated(options.as_of) for one in known if one.id == name), None)
    if request is None:
        message = f"no environment {name!r} in {options.matrix.name}; `nox -l` and `asrcompat plan` list them"
        raise UsageError(message)
    progress = Progress(quiet=options.quiet)
    if not with_paths(options, [request], progress):
        return ExitCode.OK
    tell = progress.about(request.id)
    store = options.store
    if options.whole_cells:
        forget(store, request)
    sources = sources_for(options)
    settings = settings_for(options, sources, request=request, threads=options.threads or host.usable_cores())
    tell("resolve")
    environment, source = prepare(request, sources)
    result = run_session(environment, source, settings, tell=tell)
    if isinstance(source, Locked):
        store.write(result, lock=source.text, pylock=source.lock.text)
    else:
        store.write(result, lock=None)
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


def report(options: Options) -> int:
    """Report on a profile from the results there are."""
    environments = [one.dated(options.as_of) for one in options.chosen_environments]
    return publish_report(options, with_paths(options, environments, Progress(quiet=options.quiet)))


def with_paths(options: Options, requests: Sequence[Request], progress: Progress) -> tuple[Request, ...]:
    """The environments in which there is something to try; the others are told."""
    left = tuple(request for request in requests if options.paths_for(request))
    for request in requests:
        if request not in left:
            own = ", ".join(request.paths)
            progress.tell(f"{request.id}: left out: it is for {own} only, and none of these is asked for")
    return left
