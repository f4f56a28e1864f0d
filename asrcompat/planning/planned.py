"""The plan of a covering profile for a command: the kept one while it is young and of the same question, else anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from asrcompat.options import Options
from asrcompat.plan.assemble import Asked
from asrcompat.plan.document import Plan, keep_plan, kept_plan
from asrcompat.plan.make import make_plan
from asrcompat.planning.budget import environments_in
from asrcompat.planning.neighbours import neighbours
from asrcompat.settings import sources_for
from asrcompat.spec import load_spec


def planned(options: Options, tell: Callable[[str], None]) -> tuple[Options, Plan | None]:
    """The options with the environments of the profile's plan, and that plan; None for a profile of grids alone.

    Raises `HarnessError` where the index does not answer, and `UsageError` for a selector that takes nothing.
    """
    profile = options.chosen_profile
    spec = load_spec(options.matrix)
    covering = spec.profile(profile).cover
    if covering is None:
        return options, None
    before = kept_plan(options.work_folder, profile, options.as_of, warn=tell)
    wanted = environments_in(options, covering.environments, tell)
    asked = Asked(
        profile=profile,
        covering=covering,
        spec=spec,
        as_of=options.as_of,
        environments=wanted,
        first=neighbours(options, before, most=wanted // 4, tell=tell),
    )
    sources = sources_for(options)
    if before is not None and before.key == asked.key(sources) and not options.fresh and _young(before, options):
        tell(f"plan: as made at {before.made_at}; --fresh makes it anew")
        return options, before
    plan = make_plan(asked, sources, before=before, tell=tell)
    keep_plan(plan, options.work_folder)
    return replace(options), plan  # anew: what was read of the last plan is forgotten


def _young(plan: Plan, options: Options) -> bool:
    """Whether its locks are still used: on an earlier day the index stands for ever."""
    age = datetime.now(UTC) - datetime.fromisoformat(plan.made_at)
    return options.as_of is not None or age.total_seconds() / 3600 < options.spec.index.lock_hours
