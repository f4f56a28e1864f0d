"""Before anything runs: resolve what was chosen, settle what is known, and forget what is to be found anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from asrcompat.model import Outcome
from asrcompat.options import Options
from asrcompat.report.words import plural
from asrcompat.reporting import read_result
from asrcompat.run.cells import Settings
from asrcompat.run.known import built_alike, content_of
from asrcompat.run.progress import Progress
from asrcompat.run.session import Locked, NotBuilt
from asrcompat.settings import sources_for
from asrcompat.spec import Request
from asrcompat.standing import Standing, begin, code_digest, compared, standings


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What is left to run, by the requests as chosen; and what of it is locked, by the ids as of their day.

    `twins` are to come after that, and to begin anew then: what is left of them is run as another one of the same lock.
    """

    left: tuple[Request, ...]
    locked: Mapping[str, Locked]
    twins: tuple[Request, ...] = ()


def begun_with(options: Options, chosen: Sequence[Request], progress: Progress) -> Begun:
    """Resolve the chosen environments, settle those of which all is known, and forget what is to be found anew."""
    dated = {one.dated(options.as_of).id: one for one in chosen if _is_retried(options, one)}
    if options.retried:
        progress.tell(f"to run again: {plural(len(dated), 'environment')}, by what became of them the last time")
    digest = code_digest(options)
    with progress.showing(dated, done="resolved"):
        requests = [one.dated(options.as_of) for one in dated.values()]
        found = standings(options, requests, sources_for(options), digest=digest, progress=progress)
    locked = sum(isinstance(one.source, Locked) for one in found.values())
    progress.tell(f"resolved: {locked} of {len(found)}")
    for name in found:
        found[name] = _begin(options, dated[name].dated(options.as_of), found[name], digest)
    settled = sum(not one.left for one in found.values())
    if known := sum(len(one.known) for one in found.values()):
        whole = f", {plural(settled, 'environment')} whole" if settled else ""
        progress.tell(f"known already: {plural(known, 'cell')}{whole}; --again runs them all the same")
    left = {name: one for name, one in found.items() if one.left}
    # those that are asked for anew share nothing; and what workers find may count there alone
    twins = [] if options.run_again or options.scheduler is not None else _twins(left)
    for name in twins:
        progress.tell(f"{name}: comes after another with the same lock, whose results it may share")
        del left[name]
    sources = ((name, one.source) for name, one in left.items())
    return Begun(
        left=tuple(dated[name] for name in left),
        locked={name: source for name, source in sources if isinstance(source, Locked)},
        twins=tuple(one for name, one in dated.items() if name in twins),
    )


def _twins(left: Mapping[str, Standing]) -> list[str]:
    """Those of which every cell that is left is run under another id as well, by whichever comes first."""
    first: dict[str, list[Standing]] = {}
    twins = []
    for name, one in left.items():
        if isinstance(one.source, Locked):
            alike = first.setdefault(one.source.lock.sha256, [])
            if any(_covers(other, one) for other in alike):
                twins.append(name)
            else:
                alike.append(one)
    return twins


def _covers(first: Standing, second: Standing) -> bool:
    """Whether what is left of the first, once it is run, may be told of the second too, and is all that is left of it.

    Both are of one lock.
    """
    one, other = first.source, second.source
    if not (isinstance(one, Locked) and isinstance(other, Locked) and second.left <= first.left):
        return False
    if first.settings.weights == "hub":  # of which nothing is known
        return False
    return built_alike(first.environment, second.environment, one.lock) and all(
        content_of(*cell, one, first.settings, code="") == content_of(*cell, other, second.settings, code="")
        for cell in second.left
    )


def _begin(options: Options, request: Request, standing: Standing, digest: Callable[[Settings], str]) -> Standing:
    """Settle what is known, and forget what is to be found anew; how things stand then."""
    with options.store.unless_held(request.id) as mine:
        if not mine:  # another run's session is at it, and ours will wait for it
            return standing
        elsewhere = isinstance(standing.source, NotBuilt) and standing.source.outcome is Outcome.UNAVAILABLE
        if elsewhere and standing.left and not options.run_again:
            return standing  # what workers found is all that there is, and they may not be there now
        # compared once more: another run may have finished it since; what is torn was told the first time
        found = standing.environment, standing.source
        standing = compared(options, request, *found, sources_for(options), digest=digest, warn=lambda _: None)
        if not standing.left or not options.retried:  # else its session forgets: what never begins is retried later
            begin(standing, options, request)
        if not standing.left:
            standing.settled(options.store)
    return standing


def _is_retried(options: Options, request: Request) -> bool:
    """Whether a request is to be run, where only what ended in certain ways the last time is."""
    if not options.retried:
        return True
    last = read_result(options.store, request.dated(options.as_of))
    if last is None:
        return True
    wanted = {(path, device) for path in options.paths_for(request) for device in options.chosen_devices}
    there = {(cell.path, cell.device): cell.outcome for cell in last.cells}
    # what is missing, or all of it, was being retried when that was stopped
    return any(there[one] in options.retried for one in wanted & there.keys()) or not wanted <= there.keys()
