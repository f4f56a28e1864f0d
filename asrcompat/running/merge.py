"""``merge``: put what other machines found into this work folder, and report on the whole profile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from asrcompat.errors import HarnessError
from asrcompat.options import Options
from asrcompat.plan.document import Plan, keep_plan, kept_plan
from asrcompat.report.words import plural
from asrcompat.reporting import publish_report
from asrcompat.run.progress import Progress
from asrcompat.run.store import Store
from asrcompat.tasks import with_paths

_WORK = ".asrcompat"


def merge(options: Options) -> int:
    """Take over the results in other work folders, the newest of each cell, then report on the profile as a whole.

    Raises `HarnessError` where no folder has results, and where two have different plans.
    """
    progress = Progress(quiet=options.quiet)
    folders = {folder: found for folder in options.folders if (found := _work_folder(folder)) is not None}
    for folder in options.folders:
        if folder not in folders:  # a machine that broke before its first result: the others' count all the same
            progress.tell(f"{folder}: passed over: no results in it; name a run's work folder, or what holds it")
    if not folders:
        message = (
            "none of these folders has results; name runs' work folders "
            f"({_WORK}), or the folders that hold them: {', '.join(map(str, options.folders))}"
        )
        raise HarnessError(message)
    _take_plan(options, list(folders.values()), progress)
    options = replace(options)  # the plan that was read before is forgotten
    for folder, found in folders.items():
        taken = _take(options.store_in(found), options.store, progress)
        progress.tell(f"{folder}: {plural(taken, 'environment')}")
    environments = [one.dated(options.as_of) for one in options.chosen_environments]
    return publish_report(options, with_paths(options, environments, progress))


def _work_folder(folder: Path) -> Path | None:
    """The work folder that a person names, or that lies in what they name, if it has results."""
    return next((one for one in (folder, folder / _WORK) if (one / "results").is_dir()), None)


def _take(theirs: Store, mine: Store, progress: Progress) -> int:
    """Take over what is newer there; how many environments that folder had."""
    found = theirs.every(warn=progress.tell)
    for result in found:
        lock, pylock = (
            None if name is None else theirs.text_or_none(name)
            for name in (result.environment.lock, result.environment.pylock)
        )
        mine.add(result, lock=lock, pylock=pylock, tell=progress.about(result.environment.id))
    return len(found)


def _take_plan(options: Options, folders: Sequence[Path], progress: Progress) -> None:
    """Take over the plan that all of them ran, where the profile has one."""
    if options.spec.profile(options.chosen_profile).cover is None:
        return
    plans: dict[Path, Plan] = {}
    for folder in folders:
        plan = kept_plan(folder, options.chosen_profile, options.as_of, warn=progress.tell)
        if plan is not None:
            plans[folder] = plan
    if len({tuple(row.id for row in plan.rows) for plan in plans.values()}) > 1:
        told = "".join(f"\n  {folder}: made at {plan.made_at}" for folder, plan in plans.items())
        message = (
            "these ran different plans, of which no whole can be told; plan once, and give every machine that plan "
            f"(`plans/` of the work folder):{told}"
        )
        raise HarnessError(message)
    if plans:
        keep_plan(next(iter(plans.values())), options.work_folder)
