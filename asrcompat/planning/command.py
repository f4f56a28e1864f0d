"""``plan`` and ``why``: what would run, and the story of one environment or of some versions."""

from __future__ import annotations

from collections.abc import Iterator

from asrcompat.answering import answer
from asrcompat.baseline import load_baseline
from asrcompat.errors import ExitCode, UsageError
from asrcompat.options import Options
from asrcompat.plan.document import Plan, as_data, kept_plan
from asrcompat.planning.budget import told_time
from asrcompat.planning.planned import plan_is_free, planned
from asrcompat.planning.shards import job_matrix, profile_shards, shard_lines
from asrcompat.planning.show import plan_lines, summary
from asrcompat.planning.story import data, story
from asrcompat.printable import printable
from asrcompat.reporting import BASELINE
from asrcompat.run.progress import Progress


def plan(options: Options) -> int:
    """Tell what a profile would run; nothing is installed."""
    progress = Progress(quiet=options.quiet)
    free = plan_is_free(options)
    if not free:
        progress.tell("plan: a run of this profile is going on: what is planned now is told and not kept")
    options, made = planned(options, progress.tell, keep=free)
    load_baseline(options.root / BASELINE, options.spec)
    if options.shards is not None:
        found = profile_shards(options, options.shards)
        if options.json:
            answer(job_matrix(found))
        for line in () if options.json else shard_lines(found):
            print(line)
    elif made is None:
        if options.json:
            raise UsageError(
                f"--json: profile '{options.chosen_profile}' has no `cover` table, so there is no plan to print; "
                "its environments are those of `plan` without --json"
            )
        for line in _grid_lines(options):
            print(line)
    else:
        seconds, time = told_time(options, len(made.rows))
        tried = f"paths: {', '.join(options.chosen_paths)}; devices: {', '.join(options.chosen_devices)}"
        if options.json:
            answer({**as_data(made), "summary": summary(made, seconds=seconds)})
        else:
            for line in plan_lines(made, tried=tried, time=time):
                print(printable(line))  # with what the resolver said
    return ExitCode.OK


def why(options: Options) -> int:
    """Tell how an environment came into a plan or did not, and what came of it; or why some versions cannot be."""
    if options.json:
        answer(data(options, options.wanted, kept(options)))
        return ExitCode.OK
    for line in story(options, options.wanted, kept(options)):
        print(printable(line))  # a plan and results hold what packages said
    return ExitCode.OK


def kept(options: Options) -> Plan | None:
    """The profile's plan as it is kept."""
    return kept_plan(options.work_folder, options.chosen_profile, options.as_of, warn=Progress().tell)


def _grid_lines(options: Options) -> Iterator[str]:
    for request in options.spec.environments(options.chosen_profile):
        dated = request.dated(options.as_of)
        yield f"{dated.id}\n    {dated.title}"
        for pin in dated.pins:
            yield f"    with {', '.join(pin.requirements)}: {pin.reason}"
    for request, reason in options.spec.excluded(options.chosen_profile):
        yield f"excluded: {request.id}: {reason}"
