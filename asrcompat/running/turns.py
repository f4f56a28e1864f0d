"""The sessions of a run: stack after stack where the disk is tight, and once more what had no room or no index."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asrcompat.errors import ExitCode
from asrcompat.model import EnvironmentResult, Outcome
from asrcompat.options import Options
from asrcompat.report.words import plural
from asrcompat.reporting import identities, read_result
from asrcompat.run import host, schedule
from asrcompat.run.breaker import NOT_ASKED, Breaker
from asrcompat.run.inputs import prepare_inputs
from asrcompat.run.lock import Lock
from asrcompat.run.progress import Progress
from asrcompat.running.stacks import Stacks, filled_the_disk
from asrcompat.settings import settings_for, sources_for
from asrcompat.spec import Request

_SPARE_SECONDS = 600  # beyond the deadlines of what a session does, before its run ends it


@dataclass(frozen=True, kw_only=True)
class Run:
    """What holds for all sessions of a run; nothing is begun after `until` (`time.monotonic`)."""

    options: Options
    progress: Progress
    jobs: int
    threads: int
    until: float | None

    @classmethod
    def of(cls, options: Options, chosen: Sequence[Request], progress: Progress) -> Run:
        """As many at a time as was asked for, or as cores and memory bear."""
        limits = options.spec.limits
        wanted = options.jobs or limits.jobs
        jobs = schedule.parallel(wanted, environments=len(chosen), memory_gb=limits.memory_gb)
        minutes = None if options.room is None else options.room.minutes
        return cls(
            options=options,
            progress=progress,
            jobs=jobs,
            threads=options.threads or max(1, host.usable_cores() // jobs),
            until=None if minutes is None else time.monotonic() + 60 * minutes,
        )

    def prepare(self) -> None:
        """Make once what every session is given."""
        settings = settings_for(self.options, None, request=None, threads=self.threads)
        self.progress.tell("prepare the checkpoint, speech and references")
        prepare_inputs(model=settings.model, weights=settings.weights, fixtures=settings.fixtures, work=settings.work)

    def sessions(self, requests: Sequence[Request]) -> list[Request]:
        """Run the sessions of these environments; those that were not begun."""
        options = self.options
        logs = options.work_folder / "logs"

        def after(name: str, code: int) -> None:
            if code not in (ExitCode.OK, ExitCode.WORSE):
                self.progress.tell(f"{name}: its session ended with code {code}:\n{schedule.tail(logs, name)}")

        sources = sources_for(options)
        left = schedule.run_sessions(
            [request.id for request in requests],
            root=options.root,
            options=options.for_sessions(threads=self.threads, torch_index=sources.torch_index),
            jobs=self.jobs,
            seconds=deadline(options),
            logs=logs,
            progress=self.progress,
            after=after,
            until=self.until,
            as_of=options.as_of,
            share=options.threads is None,
        )
        return [request for request in requests if request.id in left]


def deadline(options: Options) -> float:
    """The seconds after which a session is ended that should long have ended by itself."""
    limits = options.spec.limits
    cells = len(options.chosen_paths) * len(options.chosen_devices)
    seconds = limits.resolve_seconds * 2 + limits.install_seconds + _SPARE_SECONDS
    findings = sum(options.spec.probe.findings.values())
    return seconds + 2 * cells * (limits.import_seconds + limits.cell_seconds + findings)


def stack_by_stack(
    run: Run, groups: Sequence[Sequence[Request]], locks: Mapping[str, Lock], disk: Stacks
) -> list[Request]:
    """Stack after stack, so that a finished one can make room."""
    left: list[Request] = []
    for group in groups:
        dated = [one.dated(run.options.as_of) for one in group]
        disk.begin(names_of(dated), [locks[one.id] for one in dated if one.id in locks])
        left += _in_turn(run, group, disk)
        disk.end()
    return left


def _in_turn(run: Run, requests: Sequence[Request], disk: Stacks) -> list[Request]:
    """Run these; those that found the disk full once more, after room was made."""
    left = run.sessions(requests)
    dated = {one.id: one.dated(run.options.as_of) for one in requests if one not in left}
    full = [
        one for one in requests if one.id in dated and filled_the_disk(read_result(run.options.store, dated[one.id]))
    ]
    if full:
        run.progress.tell(f"disk: full for {', '.join(one.id for one in full)}; room is made and they run once more")
        disk.make_room(names_of([dated[one.id] for one in full]))
        left += run.sessions(full)
    return left + _asked_later(run, [one for one in requests if one.id in dated])


def _asked_later(run: Run, requests: Sequence[Request]) -> list[Request]:
    """Run those once more that an index in trouble was not asked for, as soon as it may be; those not begun."""
    options = run.options
    found = {one.id: read_result(options.store, one.dated(options.as_of)) for one in requests}
    waiting = [one for one in requests if _was_not_asked(found[one.id])]
    if not waiting:
        return []
    seconds = Breaker(options.work_folder).seconds_left()
    run.progress.tell(f"the index is asked again in {seconds:.0f} s, for {plural(len(waiting), 'environment')}")
    time.sleep(seconds)
    return run.sessions(waiting)


def _was_not_asked(result: EnvironmentResult | None) -> bool:
    return result is not None and any(
        cell.outcome is Outcome.ERROR and cell.message.startswith(NOT_ASKED) for cell in result.cells
    )


def names_of(requests: Sequence[Request]) -> set[str]:
    """What the environments of these requests may be called, whichever build of torch they have."""
    return {name for one in requests for name in identities(one)}
