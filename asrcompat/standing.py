"""Where an environment stands before it is run: what of it is known already, and what is left for its session."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from asrcompat.model import Cell, Device, Environment, EnvironmentResult, Outcome
from asrcompat.options import Options
from asrcompat.plan.prepare import Sources, prepare
from asrcompat.plan.resolve import WORKERS
from asrcompat.report.admit import admit
from asrcompat.reporting import identities
from asrcompat.run import code, host
from asrcompat.run.cells import Settings, unavailable_devices
from asrcompat.run.known import is_of, known_cells, restated, taken_over, with_known
from asrcompat.run.outcome import without_run
from asrcompat.run.progress import Progress
from asrcompat.run.session import Locked, NotBuilt, run_session
from asrcompat.run.store import Store
from asrcompat.settings import settings_for
from asrcompat.spec import Request

_EVENT_SECONDS = 1.0
_NO_DEVICE = NotBuilt(outcome=Outcome.UNAVAILABLE, stage=None, message="no such device")
Wanted = frozenset[tuple[str, Device]]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """An environment that is asked for: what it is made of, what was `kept` of it, which cells of that are `known`.

    `kept` is None where it is of another lock or other code; cells that were found under another id with the same lock
    are part of it. `left` are the cells to run. `absent` are the devices that nothing is run on, with the reason.
    """

    environment: Environment
    source: Locked | NotBuilt
    settings: Settings
    kept: EnvironmentResult | None
    known: Wanted
    left: Wanted
    absent: Mapping[Device, str]

    def settled(self, store: Store) -> EnvironmentResult:
        """The result where nothing is left to run, kept anew: what is known, and what can be told without a run."""
        if self.kept is not None and self.known:
            result = restated(self.kept, self.environment)
            told = {cell.key: cell for cell in result.cells}
            for cell in _absent(self.environment, self.settings, self.absent):
                there = told.get(cell.key)
                if there is None or replace(there, content=None) != cell:  # a session gives it `content`
                    told[cell.key] = cell
            result = replace(result, cells=tuple(told.values()))
        elif isinstance(self.source, NotBuilt):
            result = run_session(self.environment, self.source, self.settings, tell=lambda _: None)
        else:  # all that is asked for is on devices that this machine lacks
            result = run_session(self.environment, _NO_DEVICE, self.settings, tell=lambda _: None)
        return _kept(store, self.source, result)

    def run(self, store: Store, tell: Callable[[str], None]) -> EnvironmentResult:
        """Run what is left; all that is known afterwards, kept."""

        def keep(result: EnvironmentResult) -> None:
            _kept(store, self.source, result)

        result = run_session(self.environment, self.source, self.settings, tell=tell, known=self.known, keep=keep)
        return _kept(store, self.source, result)


def standing_of(
    options: Options,
    request: Request,
    sources: Sources,
    *,
    digest: Callable[[Settings], str],
    warn: Callable[[str], None],
) -> Standing:
    """Where a request stands: it is resolved, and what was kept of it is compared with that.

    `digest` is that of the code (`run.code`), which is the same for all environments of a run. Files that are torn or
    foreign are told (`warn`), and count as if they were not there.
    """
    return compared(options, request, *prepare(request, sources), sources, digest=digest, warn=warn)


def compared(
    options: Options,
    request: Request,
    environment: Environment,
    source: Locked | NotBuilt,
    sources: Sources,
    *,
    digest: Callable[[Settings], str],
    warn: Callable[[str], None],
) -> Standing:
    """Where a request stands that was resolved to this."""
    settings = settings_for(options, sources, request=request, threads=options.threads or host.usable_cores())
    wanted = frozenset((path, device) for path in settings.paths for device in settings.devices)
    kept = options.store.read(environment.id, warn=warn)
    nothing: Wanted = frozenset()
    standing = Standing(
        environment=environment,
        source=source,
        settings=settings,
        kept=None,
        known=nothing,
        left=nothing,
        absent={} if options.cuda_elsewhere else unavailable_devices(settings.devices),
    )
    if isinstance(source, NotBuilt):
        # a second try may find a lock, and a worker may have the Python that this machine lacks
        elsewhere = source.outcome is Outcome.UNAVAILABLE and options.scheduler is not None
        return replace(standing, left=wanted) if source.outcome is Outcome.ERROR or elsewhere else standing
    ours = digest(settings)
    if kept is None or not is_of(kept, source, ours):
        kept = options.store.earlier(environment.id, source.lock.sha256, warn=warn)
    if kept is not None and not is_of(kept, source, ours):
        kept = None
    known = nothing
    if kept is not None:
        known = known_cells(
            admit(kept),
            source,
            settings,
            code=ours,
            again=options.run_again,
            unbuilt_hours=sources.index.lock_hours,
        )
    left = frozenset(one for one in wanted - known if one[1] not in standing.absent)
    standing = replace(standing, kept=kept, known=known, left=left)
    if not left or options.run_again:  # what is asked for anew is not to be found elsewhere either
        return standing
    others = options.store.of_lock(source.lock.sha256, but=environment.id, warn=warn)
    newest_first = sorted(others, key=lambda one: one.environment.ran_at or "", reverse=True)
    return _with_others(standing, source, newest_first, ours=ours, unbuilt_hours=sources.index.lock_hours)


def _with_others(
    standing: Standing, source: Locked, others: Iterable[EnvironmentResult], *, ours: str, unbuilt_hours: float
) -> Standing:
    """With those of the cells left that were found under another id with the same lock.

    Not where it is believed that this one could not be built.
    """
    if standing.known and standing.kept is not None and standing.kept.environment.installable != "ok":
        return standing
    for other in others:
        taken = taken_over(other, standing.environment, source, standing.left)
        if taken is None:
            continue
        found = known_cells(admit(taken), source, standing.settings, code=ours, unbuilt_hours=unbuilt_hours)
        if found:
            kept = with_known(standing.kept, taken, found)
            standing = replace(standing, kept=kept, known=standing.known | found, left=standing.left - found)
        if not standing.left:
            break
    return standing


def code_digest(options: Options) -> Callable[[Settings], str]:
    """The digest of the code, made once for all environments of a run."""
    ours = code.digest(settings_for(options, None, request=None, threads=1))
    return lambda _: ours


def standings(
    options: Options,
    requests: Sequence[Request],
    sources: Sources,
    *,
    digest: Callable[[Settings], str],
    progress: Progress,
) -> dict[str, Standing]:
    """Where requests stand, by id; what has to be resolved for that is, and its locks are kept.

    What took a while is told: a lock that there was already is no event.
    """

    def one(request: Request) -> Standing:
        began = time.monotonic()
        progress.move(request.id, "resolve")
        found = standing_of(options, request, sources, digest=digest, warn=progress.tell)
        took = time.monotonic() - began
        told = progress.move if took < _EVENT_SECONDS else progress.tell_of
        told(request.id, f"resolved ({took:.0f} s)")
        return found

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return dict(zip((request.id for request in requests), pool.map(one, requests), strict=True))


def begin(standing: Standing, options: Options, request: Request) -> None:
    """Forget what is to be found anew: a run that is killed must not leave the last one's results as its own.

    With it goes what another build of torch left, where every cell is asked for: reports take the newest of both.
    """
    store, identity = options.store, standing.environment.id
    if options.whole_cells:
        for other in identities(request):
            if other != identity:
                store.remove(other)
    current = store.read(identity, warn=lambda _: None)  # what is torn was told when this was looked at
    if standing.kept is None and options.whole_cells:
        store.remove(identity)
        return
    if standing.kept is not None and current != standing.kept:
        _kept(store, standing.source, standing.kept)  # it was laid by, and is current again; or found under another id
    store.drop(identity, standing.left)


def _absent(environment: Environment, settings: Settings, absent: Mapping[Device, str]) -> list[Cell]:
    """The cells on devices that this machine lacks: nothing has to be installed to tell of them."""
    return [
        without_run(environment.id, path, device, Outcome.UNAVAILABLE, None, absent[device])
        for device in settings.devices
        if device in absent
        for path in settings.paths
    ]


def _kept(store: Store, source: Locked | NotBuilt, result: EnvironmentResult) -> EnvironmentResult:
    if isinstance(source, Locked):
        return store.write(result, lock=source.text, pylock=source.lock.text)
    return store.write(result, lock=None)
