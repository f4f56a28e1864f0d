"""One environment's search for remedies with what it needs: the laboratory, the index, and a clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from asrcompat.errors import HarnessError
from asrcompat.explain.remedies.groups import trials_for
from asrcompat.explain.remedies.search import OutOfTime, Search
from asrcompat.explain.remedies.trial import place
from asrcompat.explain.signatures.entry import Signature
from asrcompat.lab.change import PACKAGE_KINDS, Change
from asrcompat.lab.given import changes_nothing
from asrcompat.lab.laboratory import Laboratory
from asrcompat.lab.variant import variant
from asrcompat.model import Cell, EnvironmentResult, Outcome
from asrcompat.plan.prepare import Sources, prepare
from asrcompat.plan.releases import PackageIndex, for_python
from asrcompat.report.admit import admit
from asrcompat.run.cells import Settings
from asrcompat.run.probing import REFERENCE_PATH
from asrcompat.run.session import Locked
from asrcompat.spec import PinRule, Request


@dataclass(frozen=True, kw_only=True)
class Task:
    """One environment with something to cure: its request, its result with the versions of its lock, and the cells."""

    request: Request
    result: EnvironmentResult
    versions: Mapping[str, str]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, kw_only=True)
class Means:
    """What every search of a command has: `deadline` is by the monotonic clock, None for none.

    `tell` takes lines that name their environment themselves.
    """

    settings: Settings
    sources: Sources
    rules: Sequence[PinRule]
    catalogue: Mapping[str, Signature]
    deadline: float | None
    tell: Callable[[str], None]


class Bench:
    """A task's search; `locks` are the texts of the locks that were tried, by their names."""

    def __init__(self, task: Task, means: Means, tell: Callable[[str], None]) -> None:
        self.task = task
        self.tell = tell
        self.locks: dict[str, str] = {}
        self._means = means
        self.search = Search(
            environment=task.result.environment,
            versions=task.versions,
            catalogue=means.catalogue,
            releases=self._releases(),
            attempt=self.attempt,
            usual_trials=means.settings.probe.trials,
            tell=tell,
        )

    def attempt(self, changes: tuple[Change, ...], cells: Sequence[Cell], trials: int) -> EnvironmentResult | None:
        """Run changes in the laboratory for these cells; None where they make nothing different.

        Raises `OutOfTime` in place of beginning after the deadline; what the laboratory remembers is given even then.
        """
        means, request = self._means, self.task.request
        of_packages = all(one.kind in PACKAGE_KINDS for one in changes)
        if changes and of_packages and variant(request, changes, means.rules) == request:
            return None
        if changes and changes_nothing(changes, fixtures=means.settings.fixtures):
            return None
        usual, limits = means.settings.probe.trials, means.settings.limits
        settings = replace(
            means.settings,
            # more steps than usual may take longer in proportion: running out of time would be no verdict
            limits=replace(limits, train_seconds=limits.train_seconds * max(1, trials / usual)),
            # without the reference path there is nothing to compare features with: parity would be skipped
            paths=tuple(dict.fromkeys([REFERENCE_PATH, *(cell.path for cell in cells)])),
            devices=tuple(dict.fromkeys(cell.device for cell in cells)),
            probe=replace(means.settings.probe, trials=trials),
        )
        laboratory = Laboratory(settings=settings, sources=means.sources, tell=means.tell, rules=means.rules)
        if means.deadline is not None and time.monotonic() > means.deadline:
            if (known := laboratory.remembered(request, changes)) is None:
                raise OutOfTime
            result = admit(known)
        else:
            result = admit(laboratory.run(request, changes))
        locked = result.environment.lock_sha256
        if changes and of_packages and locked is not None and locked == self.task.result.environment.lock_sha256:
            return None
        if (text := laboratory.lock(result)) is not None:
            self.locks[str(result.environment.lock)] = text
        return result

    def still_failing(self) -> tuple[Cell, ...]:
        """The cells that fail with the packages of today too, where the result was made of others.

        What works by itself today needs no cure, and whatever was tried would be taken for one.
        """
        task = self.task
        _, source = prepare(task.request, self._means.sources)
        if not isinstance(source, Locked) or source.lock.sha256 == task.result.environment.lock_sha256:
            return task.cells
        self.tell("its packages are others today than in the result; looks first whether it still fails")
        # as many steps as tell a cure from luck: what is unstable may pass the usual number of them
        trials = trials_for(task.cells, self._means.settings.probe.trials)
        control = self.attempt((), task.cells, trials)
        seen = {} if control is None else {place(cell): cell.outcome for cell in control.cells}
        gone = [cell for cell in task.cells if seen.get(place(cell)) is Outcome.WORKS]
        for cell in gone:
            self.tell(f"{cell.path} on {cell.device}: works with the packages of today; run `matrix` again")
        return tuple(cell for cell in task.cells if cell not in gone)

    def _releases(self) -> Callable[[str], Sequence[str]]:
        """What asks the index for a package's releases for the environment's Python; none where it gives no list."""
        sources = self._means.sources
        index = PackageIndex(sources.index.url, sources.work / "index")
        python = self.task.result.environment.python

        @cache
        def versions(package: str) -> Sequence[str]:
            try:
                return [one.version for one in for_python(index.releases(package), python)]
            except HarnessError as error:
                self.tell(str(error))
                return ()

        return versions
