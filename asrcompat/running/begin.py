"""Before anything runs: resolve what was chosen, settle what is known, and forget what is to be found anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asrcompat.options import Options
from asrcompat.report.words import plural
from asrcompat.reporting import read_result
from asrcompat.run.lock import Lock
from asrcompat.run.progress import Progress
from asrcompat.run.session import Locked
from asrcompat.settings import sources_for
from asrcompat.spec import Request
from asrcompat.standing import begin, standings


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What is left to run, by the requests as chosen; and its locks, by the requests' ids as of their day."""

    left: tuple[Request, ...]
    locks: Mapping[str, Lock]


def begun_with(options: Options, chosen: Sequence[Request], progress: Progress) -> Begun:
    """Resolve the chosen environments, settle those of which all is known, and forget what is to be found anew."""
    dated = {one.dated(options.as_of).id: one for one in chosen if _is_retried(options, one)}
    if options.retried:
        progress.tell(f"to run again: {plural(len(dated), 'environment')}, by what became of them the last time")
    found = standings(options, [one.dated(options.as_of) for one in dated.values()], sources_for(options))
    locked = sum(isinstance(one.source, Locked) for one in found.values())
    progress.tell(f"resolved: {locked} of {len(found)}")
    for name, standing in found.items():
        request = dated[name].dated(options.as_of)
        with options.store.unless_held(request.id) as mine:  # another run's session does the same, and writes later
            if mine and standing.left:
                begin(standing, options, request)
            elif mine:
                standing.settled(options.store)
    settled = sum(not one.left for one in found.values())
    if known := sum(len(one.known) for one in found.values()):
        whole = f", {plural(settled, 'environment')} whole" if settled else ""
        progress.tell(f"known already: {plural(known, 'cell')}{whole}; --again runs them all the same")
    left = {name: one for name, one in found.items() if one.left}
    locks = {name: one.source.lock for name, one in left.items() if isinstance(one.source, Locked)}
    return Begun(left=tuple(dated[name] for name in left), locks=locks)


def _is_retried(options: Options, request: Request) -> bool:
    """Whether a request is to be run, where only what ended in certain ways the last time is."""
    if not options.retried:
        return True
    last = read_result(options.store, request.dated(options.as_of))
    return last is not None and any(
        cell.outcome in options.retried
        and cell.path in options.paths_for(request)
        and cell.device in options.chosen_devices
        for cell in last.cells
    )
