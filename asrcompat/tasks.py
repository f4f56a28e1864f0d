"""What the commands do, as a pipeline of plain functions: prepare, run, keep; `reporting` judges and publishes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from asrcompat.errors import ExitCode, UsageError
from asrcompat.options import Options
from asrcompat.report.admit import admit
from asrcompat.report.words import plural
from asrcompat.reporting import BASELINE, judge, publish_report
from asrcompat.run import code
from asrcompat.run.progress import Progress
from asrcompat.settings import settings_as_found, sources_for
from asrcompat.spec import Request
from asrcompat.standing import begin, standing_of


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
    with progress.showing([request.id]):
        return _session(options, request, progress.about(request.id))


def _session(options: Options, request: Request, tell: Callable[[str], None]) -> int:
    store = options.store
    sources = sources_for(options)
    tell("resolve")
    with store.alone(request.id, tell):  # whoever waits here finds known what the other one ran
        standing = standing_of(options, request, sources, digest=code.digest, warn=tell)
        if standing.known:
            tell(f"known already: {plural(len(standing.known), 'cell')}; --again runs them all the same")
        begin(standing, options, request)
        result = standing.run(store, tell) if standing.left else standing.settled(store)
    result = admit(result)
    for cell in result.cells:
        at = f" at {cell.stage}" if cell.stage else ""
        first_line = cell.message.partition("\n")[0]
        tell(f"{cell.path} on {cell.device}: {cell.outcome}{at}" + (f": {first_line}" if first_line else ""))
    kept = store.file(result.environment.id)
    tell(f"kept in {kept.relative_to(options.root) if kept.is_relative_to(options.root) else kept}")
    comparison = judge(options, [request], [result])
    for one in comparison.as_data()["regressions"]:
        tell(
            f"worse than {BASELINE}: {one['path']} on {one['device']}: {one['expected']} expected, {one['found']} found"
        )
    return comparison.exit_code


def doctor(options: Options) -> int:
    """Probe an environment that is there already, as it is."""
    from asrcompat.doctor import command  # noqa: PLC0415 - what a session does without

    return command.doctor(options, settings_as_found(options))


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
