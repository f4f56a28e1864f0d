"""The plan of a covering profile for a command: the kept one while it is young and of the same question, else anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from asrcompat.errors import HarnessError, UsageError
from asrcompat.options import Options
from asrcompat.plan.assemble import Asked
from asrcompat.plan.document import Plan, keep_plan, kept_plan, plan_file, within
from asrcompat.plan.make import make_plan
from asrcompat.planning.budget import environments_in
from asrcompat.planning.neighbours import last_run
from asrcompat.report.words import plural
from asrcompat.run.hold import held_now
from asrcompat.settings import sources_for
from asrcompat.spec import load_spec


def planned(options: Options, tell: Callable[[str], None], *, keep: bool = True) -> tuple[Options, Plan | None]:
    """The options with the environments of the profile's plan, and that plan; None for a profile of grids alone.

    A new plan takes the place of the last one, unless that is not to be (`keep`). It is kept whole: of a budget only
    what is given back and run is less.

    Raises `HarnessError` where the index does not answer, and `UsageError` for a selector that takes nothing.
    """
    profile = options.chosen_profile
    spec = load_spec(options.matrix)
    covering = spec.profile(profile).cover
    if covering is None:
        if options.room is not None and options.room.environments is not None:
            message = (
                f"--budget {options.room.environments}: profile '{profile}' names its environments one by one; choose "
                "some with --environments, or give a time"
            )
            raise UsageError(message)
        return options, None
    before = kept_plan(options.work_folder, profile, options.as_of, warn=tell)
    last = last_run(options, tell)
    asked = Asked(
        profile=profile,
        covering=covering,
        spec=spec,
        as_of=options.as_of,
        environments=covering.environments,
        where=f"{options.matrix.name}: profiles.{profile}.cover",
        surprising=last.surprising,
        seen=last.rows,
    )
    sources = sources_for(options)
    # all machines of a sharded run have the plan that they were given, whatever differs between them
    same = before is not None and (options.shard is not None or before.key == asked.key(sources))
    if before is not None and same and not options.fresh and _young(before, options) and not _unsure(before):
        tell(f"plan: as made at {before.made_at}; --fresh makes it anew")
        plan = before
    else:
        if last.surprising:
            several = plural(len(last.surprising), "environment")
            tell(f"plan: {several} failed in ways that nothing explains: what lies next to them comes first")
        plan = make_plan(asked, sources, before=before, tell=tell)
        if keep:
            keep_plan(plan, options.work_folder)
    if options.room is not None:
        plan = within(plan, environments_in(options, covering.environments, tell))
    return replace(options), plan  # anew: what was read of the last plan is forgotten


@contextmanager
def plan_in_use(options: Options) -> Iterator[None]:
    """Hold the profile's plan while its environments run: their sessions read it.

    Raises `HarnessError` where another run does.
    """
    with _held(options) as mine:
        if not mine:
            message = (
                f"another run of profile '{options.chosen_profile}' is going on in {options.work_folder.name}: wait "
                "for it, or run in another folder with --work"
            )
            raise HarnessError(message)
        yield


def plan_is_free(options: Options) -> bool:
    """Whether no run reads the profile's plan."""
    with _held(options) as mine:
        return mine


@contextmanager
def _held(options: Options) -> Iterator[bool]:
    """Whether the plan could be held; a profile of grids has none that anybody could take away."""
    if load_spec(options.matrix).profile(options.chosen_profile).cover is None:
        yield True
        return
    file = plan_file(options.work_folder, options.chosen_profile, options.as_of).with_suffix(".lock")
    with held_now(file) as mine:
        yield mine


def _unsure(plan: Plan) -> bool:
    """Whether the resolver failed on the way: the next time it may not."""
    return any(one.kind == "error" for one in plan.pruned)


def _young(plan: Plan, options: Options) -> bool:
    """Whether its locks are still used: on an earlier day the index stands for ever."""
    age = datetime.now(UTC) - datetime.fromisoformat(plan.made_at)
    return options.as_of is not None or age.total_seconds() / 3600 < options.spec.index.lock_hours
