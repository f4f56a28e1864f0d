"""One environment's search for remedies with what it needs: the laboratory, the index, and a clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from asrcompat.errors import HarnessError
from asrcompat.explain.remedies.search import Search
from asrcompat.explain.remedies.trying import NoRoom, OutOfTime
from asrcompat.explain.signatures.entry import Signature
from asrcompat.lab.change import PACKAGE_KINDS, Change
from asrcompat.lab.given import changes_nothing
from asrcompat.lab.laboratory import Laboratory
from asrcompat.lab.room import brings_torch, too_full
from asrcompat.lab.variant import variant
from asrcompat.model import Cell, EnvironmentResult, Outcome
from asrcompat.plan.prepare import Sources, prepare
from asrcompat.plan.releases import PackageIndex, for_python
from asrcompat.report.admit import admit
from asrcompat.run import code
from asrcompat.run.cells import Settings
from asrcompat.run.session import Locked, NotBuilt
from asrcompat.spec import PinRule, Request

_OTHERS = "its packages are others today; run `matrix` again"


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
    """A task's search, on the packages of its result.

    `locks` are the texts of locks that were tried, by name; `made` the ids of the environments that were tried in.
    """

    def __init__(self, task: Task, means: Means, tell: Callable[[str], None]) -> None:
        self.task = task
        self.tell = tell
        self.locks: dict[str, str] = {}
        self.made: set[str] = set()
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
        if all(one.kind in PACKAGE_KINDS for one in changes) and self._same_packages(changes):
            return None
        if changes_nothing(changes, fixtures=means.settings.fixtures):
            return None
        usual, limits = means.settings.probe.trials, means.settings.limits
        settings = replace(
            means.settings,
            # more steps than usual may take longer in proportion: running out of time would be no verdict
            limits=replace(limits, train_seconds=limits.train_seconds * max(1, trials / usual)),
            paths=tuple(dict.fromkeys(cell.path for cell in cells)),
            devices=tuple(dict.fromkeys(cell.device for cell in cells)),
            probe=replace(means.settings.probe, trials=trials),
        )
        # what leaves the packages alone is tried on the result's own, which were seen to be today's
        fresh = means.sources.fresh and any(one.kind in PACKAGE_KINDS for one in changes)
        sources = replace(means.sources, fresh=fresh)
        laboratory = Laboratory(settings=settings, sources=sources, tell=means.tell, rules=means.rules, admit=admit)
        late = means.deadline is not None and time.monotonic() > means.deadline
        full = too_full(means.settings.work) if brings_torch(changes) else None
        result = laboratory.remembered(request, changes) if late or full else None
        if result is None and late:
            raise OutOfTime
        if result is None and full:
            raise NoRoom(full)
        result = laboratory.run(request, changes) if result is None else result
        self.made.add(result.environment.id)
        here, own = result.environment.lock_sha256, self.task.result.environment.lock_sha256
        if not any(one.kind in PACKAGE_KINDS for one in changes) and here != own:
            message = f"{request.id}: {_OTHERS}"  # a lock came of age on the way
            raise HarnessError(message)
        if (text := laboratory.lock(result)) is not None:
            self.locks[str(result.environment.lock)] = text
        return result

    def _same_packages(self, changes: tuple[Change, ...]) -> bool:
        """Whether these changes leave the environment as it is, by what is asked for or by what that resolves to."""
        means, request = self._means, self.task.request
        wanted = variant(request, changes, means.rules)
        if wanted == request:
            return True
        _, source = prepare(wanted, means.sources)
        return isinstance(source, Locked) and source.lock.sha256 == self.task.result.environment.lock_sha256

    def outdated(self) -> str | None:
        """Why nothing can be tried on what the result was made of: then no cure of it could be verified.

        Resolves, anew where that was asked for.
        """
        environment, means = self.task.result.environment, self._means
        if environment.code != code.digest(means.settings):
            return "its result was found by other code of this project; run `matrix` again"
        _, source = prepare(self.task.request, means.sources)
        if isinstance(source, NotBuilt) and source.outcome is not Outcome.BROKEN:
            return f"whether its packages are the same today cannot be told: {source.message}"
        today = source.lock.sha256 if isinstance(source, Locked) else None
        return None if today == environment.lock_sha256 else _OTHERS

    def _releases(self) -> Callable[[str], Sequence[str]]:
        """What asks the index for a package's releases for the environment's Python.

        Where it gives no list there are none, and the search stays open.
        """
        sources = self._means.sources
        index = PackageIndex(sources.index.url, sources.work / "index")
        python = self.task.result.environment.python

        known: dict[str, Sequence[str]] = {}

        def versions(package: str) -> Sequence[str]:
            if package not in known:
                try:
                    known[package] = [one.version for one in for_python(index.releases(package), python)]
                except HarnessError as error:
                    # an index that is out of reach today is no reason to say that nothing helps
                    self.search.found.unfinished = True
                    self.tell(str(error))
                    return ()
            return known[package]

        return versions
