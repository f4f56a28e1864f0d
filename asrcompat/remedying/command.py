"""What ``remedy`` does: for every broken or unstable cell there is, try what may cure it, and keep what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from asrcompat.answering import answer
from asrcompat.errors import ExitCode, HarnessError
from asrcompat.explain.remedies import record, told
from asrcompat.explain.remedies.groups import CURABLE
from asrcompat.explain.remedies.trial import Found, place
from asrcompat.explain.signatures.entry import CATALOGUE, load_catalogue
from asrcompat.lab.change import all_in_words
from asrcompat.lab.laboratory import Laboratory
from asrcompat.model import Cell, Environment, EnvironmentResult, Outcome, Remedy
from asrcompat.options import Options
from asrcompat.printable import printable
from asrcompat.remedying.bench import Bench, Means, Task
from asrcompat.report.words import plural
from asrcompat.reporting import read_result
from asrcompat.run import host
from asrcompat.run.lock import versions_of
from asrcompat.run.progress import Progress
from asrcompat.run.store import Store
from asrcompat.settings import settings_for, sources_for
from asrcompat.spec import Request

_INSTALL_SECONDS = 60.0  # where no session tells how long it took


def remedy(options: Options) -> int:
    """Look for remedies in the chosen environments. 0: all cured; 1: some not; 3: not found out for all."""
    progress = Progress(quiet=options.quiet)
    tasks, missing = _tasks(options)
    for identity in missing:
        progress.tell(f"no results of {identity}: passed over")
    if not tasks:
        progress.tell("nothing is broken or unstable among these cells")
        if options.json:
            answer(_data([], missing))
        return ExitCode.UNFINISHED if missing else ExitCode.OK
    sources = sources_for(options)
    settings = settings_for(options, sources, request=None, threads=options.threads or host.usable_cores())
    means = Means(
        settings=replace(settings, findings={}),  # they decide nothing, and take longer than the ladder
        sources=sources,
        rules=options.spec.pins,
        catalogue=load_catalogue(CATALOGUE),
        deadline=None if options.budget is None else time.monotonic() + options.budget * 60,
        tell=progress.tell,
    )
    benches = [Bench(task, means, progress.about(task.request.id)) for task in tasks]
    _estimate(benches, progress, options.budget)
    laboratory = Laboratory(settings=means.settings, sources=sources, tell=progress.tell)
    ended = []
    with progress.showing():
        for bench in benches:
            ended.append(_work(bench, options))
            # what is no remedy goes, of what was made here: another search's environments are its own business
            verified = {one.id for one in ended[-1].remedies if one.verified}
            laboratory.free(laboratory.users() - bench.made | verified)
    if options.json:
        answer(_data(ended, missing))
    for end in ended:
        print(printable("\n".join(_lines(end))))
    print("`nox -s report` tells of it, with texts to paste")
    if missing or any(end.unfinished for end in ended):
        return ExitCode.UNFINISHED
    return ExitCode.WORSE if any(end.left for end in ended) else ExitCode.OK


@dataclass(frozen=True, kw_only=True)
class End:
    """What came of one environment: its remedies, and the cells that are left without one."""

    environment: Environment
    remedies: tuple[Remedy, ...]
    found: Found
    left: tuple[Cell, ...]

    @property
    def unfinished(self) -> bool:
        """Whether a cell that is left might have a remedy all the same, or a cured one a smaller one.

        The time was up, the index or the disk had nothing to give, or the harness failed.
        """
        unsure = any(one.open for one in self.found.cured.values())
        return unsure or (bool(self.left) and (self.found.unfinished or any(map(self.doubtful, self.left))))

    def doubtful(self, cell: Cell) -> bool:
        """Whether a run that might have cured this cell gave no verdict."""
        return self.found.without_verdict(place(cell)) > 0


def _work(bench: Bench, options: Options) -> End:
    """Search in one environment, and keep what was found, however it ends."""
    task, found = bench.task, bench.search.found
    environment, cells = task.result.environment, task.cells
    ended = False
    try:
        if (why := bench.outdated()) is None:
            bench.search.run(cells)
            ended = True
        else:
            bench.tell(why)
    except HarnessError as error:  # the other environments have nothing to do with it
        bench.tell(f"nothing more is tried here: {error}")
    finally:
        found.unfinished |= not ended
        remedies = told.remedies(environment, cells, found, model=task.result.model, hub=_hub(options))
        if found.trials or ended:
            _keep(bench, remedies, record.folder(options.work_folder, options.chosen_weights))
    left = tuple(cell for cell in cells if place(cell) not in found.cured)
    return End(environment=environment, remedies=remedies, found=found, left=left)


def _keep(bench: Bench, remedies: tuple[Remedy, ...], at: Path) -> None:
    """Record what was found, beside what is on record of cells that were not looked at."""
    environment, cells, found = bench.task.result.environment, bench.task.cells, bench.search.found
    new = record.Record(
        environment=environment.id,
        lock_sha256=environment.lock_sha256,
        code=environment.code,
        failures=record.failures_of(cells),
        remedies=remedies,
    )
    old = record.read(environment, at, warn=Progress().tell, outdated=lambda _: None)  # which this one takes over from
    verified = {one.lock for one in remedies if one.verified}
    locks = {name: text for name, text in bench.locks.items() if name in verified}
    looked_at = [place(cell) for cell in cells if found.looked_at(place(cell))]
    record.write(record.merged(new, old, looked_at), locks, at)


def _hub(options: Options) -> Path:
    """The folder of the repositories that files to add came from: the newest mirror, or the fixtures it stands for."""
    mirrors = options.work_folder.glob("hub-hub-*/") if options.chosen_weights == "hub" else ()
    return max(mirrors, key=lambda one: one.stat().st_mtime, default=options.root / "fixtures" / "hub")


def _tasks(options: Options) -> tuple[list[Task], list[str]]:
    """The chosen environments in which something asked for failed, and the ids of those without a result.

    Raises `HarnessError` where none has one.
    """
    store = options.store
    tasks = []
    missing: list[str] = []
    seen = 0
    for request in options.chosen_environments:
        wanted = options.paths_for(request)
        result = read_result(store, request) if wanted else None
        if result is None:
            missing += [request.id] if wanted else []
            continue
        seen += 1
        cells = tuple(
            cell
            for cell in result.cells
            if cell.outcome in CURABLE and cell.path in wanted and cell.device in options.chosen_devices
        )
        if cells:
            versions = _versions(request, store, result)
            tasks.append(Task(request=request, result=result, versions=versions, cells=cells))
    if missing and not seen:
        profile, weights = options.chosen_profile, options.chosen_weights
        message = (
            f"no results on {weights} of {', '.join(missing)}: a remedy is for what was seen to fail; run "
            f"`nox -s matrix -- --profile {profile} --weights {weights}` first"
        )
        raise HarnessError(message)
    return tasks, missing


def _versions(request: Request, store: Store, result: EnvironmentResult) -> dict[str, str]:
    """The versions in an environment's lock, by distribution; without a lock, those that were asked for."""
    asked = "\n".join(request.requirements)
    return versions_of(asked if result.environment.lock is None else store.lock(result.environment))


def _estimate(benches: Sequence[Bench], progress: Progress, budget: int | None) -> None:
    total, moves = 0.0, 0
    for bench in benches:
        count, each = bench.search.candidates(bench.task.cells), _seconds(bench.task)
        total += count * each
        moves += bench.search.moves(bench.task.cells)
        cells, cures = plural(len(bench.task.cells), "cell"), plural(count, "known cure")
        bench.tell(f"{cells} to cure, {cures} to try, at most {each:.0f} s each")
    limit = "" if budget is None else f"; nothing is begun after {budget} min"
    tried = f"at most {plural(moves, 'release')} of packages that may be to blame"
    progress.tell(f"about {total / 60:.0f} min for known cures; where none helps, {tried}{limit}")


def _seconds(task: Task) -> float:
    """How long a run takes, by what the session took: an installation, and a climb on every path."""
    install = task.result.environment.seconds.get("install", _INSTALL_SECONDS)
    return install + sum(sum(cell.seconds.values()) - cell.seconds.get("findings", 0) for cell in task.cells)


def _data(ended: Sequence[End], missing: Sequence[str]) -> dict[str, Any]:
    """What came of it, for programs; `missing` are environments of which there is no result."""
    return {
        "schema": 1,
        "missing": list(missing),
        "environments": [
            {
                "environment": end.environment.id,
                "cured": [
                    {"path": cell.path, "device": cell.device, "before": cell.before, "with": all_in_words(one.changes)}
                    for one in end.remedies
                    for cell in one.cells
                    if cell.outcome is Outcome.WORKS
                ],
                "left": [{"path": cell.path, "device": cell.device, "found": told.standing(cell)} for cell in end.left],
                "unfinished": end.unfinished,
            }
            for end in ended
        ],
    }


def _lines(end: End) -> Iterator[str]:
    """What came of it, for a terminal."""
    yield end.environment.id
    for one in end.remedies:
        for cell in one.cells:
            if cell.outcome is Outcome.WORKS:
                with_it = all_in_words(one.changes)
                yield f"  {cell.path} on {cell.device}: {cell.before}; with {with_it}: works (verified)"
    for at, cured in end.found.cured.items():
        for part in cured.open:
            yield f"  {record.where(at)}: not made smaller: a run without {part} gave no verdict"
    for left in end.left:
        tried = len(end.found.outcomes(place(left)))
        if end.found.unfinished:
            why = f"{tried} tried so far"
        elif end.doubtful(left):
            without = end.found.without_verdict(place(left))
            why = f"{tried} tried, of which {without} ended in an error of the harness or could not be run here"
        else:
            why = f"{tried} tried, none works" if tried else "there is nothing to try"
        yield f"  {left.path} on {left.device}: {told.standing(left)}; no remedy: {why}"
