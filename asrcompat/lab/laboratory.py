"""The laboratory: a request with changes, built, probed and remembered."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from asrcompat.lab.change import PACKAGE_KINDS, Change, in_order, variant_id
from asrcompat.lab.experiments import mark
from asrcompat.lab.given import lay_out
from asrcompat.lab.keys import key_of, key_of_request
from asrcompat.lab.known import Known
from asrcompat.lab.variant import variant
from asrcompat.model import Environment, EnvironmentResult, Outcome
from asrcompat.plan.prepare import Sources, prepare
from asrcompat.run.cells import Settings
from asrcompat.run.environment import is_complete
from asrcompat.run.hold import alone
from asrcompat.run.inputs import Inputs
from asrcompat.run.session import Bench, Given, Locked, NotBuilt, run_session
from asrcompat.run.store import write_text
from asrcompat.spec import PinRule, Request, environment_id

_USERS = ".variants"  # in an environment's home: variants that change no package share one


class Laboratory:
    """Tries changes.

    `rules` are matrix.toml's pins, which follow an axis that moves; `admit` makes an error of what proves nothing.
    Environments are built under ``<work>/lab``; one that the matrix has built of the same lock is used where it is.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        sources: Sources,
        tell: Callable[[str], None],
        rules: Sequence[PinRule] = (),
        admit: Callable[[EnvironmentResult], EnvironmentResult] = lambda result: result,
    ) -> None:
        self.settings = settings
        self._sources = sources
        self._tell = tell
        self._rules = tuple(rules)
        self._admit = admit
        self._work = settings.work / "lab"
        self._results = self._work / "results" / settings.weights
        # as long as a lock is used again, so is the word that there is none, or that it cannot be installed
        hours = 0 if sources.fresh else sources.index.lock_hours
        self._known = Known(self._results, admit=admit, unbuilt_hours=hours, warn=tell)

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        """The result of a request with `changes` made, on the settings' paths and devices.

        Its environment is `derived_from` the request where there are changes. What was found before of the same
        content is not found again; a further `attempt` is. Raises `UsageError` for a change that cannot be made.
        """
        changes = in_order(changes)
        wanted = variant(request, changes, self._rules)
        unresolved = key_of_request(request, changes, wanted, self._sources, self.settings)
        if (known := self._known.read(unresolved)) is not None:
            return known
        found, source = prepare(wanted, self._sources)
        environment = derived(found, wanted, request, changes)
        tell = partial(self._say, environment.id)
        if isinstance(source, NotBuilt):
            result = run_session(environment, source, self.settings, tell=tell)
            if source.outcome is Outcome.BROKEN:  # a missing interpreter may be there the next time
                self._known.keep(unresolved, result, None)
                mark(self._results, unresolved, request.id, changes)
            return self._admit(result)
        key = key_of(environment, source, changes, self.settings, attempt=attempt)
        known = self._known.read(key)
        if known is not None:
            tell("known already")
            mark(self._results, key, request.id, changes)
            return known
        result = run_session(
            environment,
            source,
            self.settings,
            tell=tell,
            bench=self._bench(found, environment, source, changes, attempt),
        )
        self._known.keep(key, result, source.text)
        mark(self._results, key, request.id, changes)
        return self._admit(result)

    def remembered(
        self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0
    ) -> EnvironmentResult | None:
        """What `run` would give without a session; None where it would begin one. Resolves where no lock is kept."""
        changes = in_order(changes)
        wanted = variant(request, changes, self._rules)
        unresolved = key_of_request(request, changes, wanted, self._sources, self.settings)
        if (known := self._known.read(unresolved)) is not None:
            return known
        found, source = prepare(wanted, self._sources)
        if isinstance(source, NotBuilt):
            return None
        environment = derived(found, wanted, request, changes)
        return self._known.read(key_of(environment, source, changes, self.settings, attempt=attempt))

    def lock(self, result: EnvironmentResult) -> str | None:
        """The text of the lock that a result of `run` was made of; None where there was none."""
        name = result.environment.lock_sha256
        return None if name is None or result.environment.installable != "ok" else self._known.lock(name)

    def users(self) -> set[str]:
        """The ids of all variants that have an environment in the laboratory."""
        return {one for home in (self._work / "envs").glob("*/") for one in _users(home)}

    def free(self, keep: Collection[str]) -> int:
        """Remove the laboratory's environments but those named; bytes freed, without those that others still hold."""
        freed = 0
        for home in sorted((self._work / "envs").glob("*/")):
            if not _users(home).isdisjoint(keep):
                continue
            with alone(home, self._tell):
                freed += _own_bytes(home)
                shutil.rmtree(home, ignore_errors=True)  # a lock that another one makes there just now may stay
                freed -= _own_bytes(home)
        return freed

    def _bench(
        self, found: Environment, environment: Environment, source: Locked, changes: Sequence[Change], attempt: int
    ) -> Bench:
        packages = [one for one in changes if one.kind in PACKAGE_KINDS]
        # one lock is one environment, whoever built it
        own = self.settings.work / "envs" / found.id / source.lock.sha256[:16]
        there = is_complete(own, source.lock, source.interpreter)
        name = found.id if there else variant_id(found.id, packages)
        if not there:
            home = self._work / "envs" / name
            write_text(home / _USERS, "\n".join(sorted(_users(home) | {environment.id})))
        return Bench(
            work=self.settings.work if there else self._work,
            name=name,
            # an unchanged run has the matrix's own id, and the hash of that one's log is its evidence
            logs=f"lab/{environment.id}" + (f"@{attempt}" if attempt else ""),
            given=partial(self._given, tuple(changes)),
        )

    def _given(self, changes: Sequence[Change], inputs: Inputs) -> Given:
        settings = self.settings
        return lay_out(changes, inputs, model=settings.model, fixtures=settings.fixtures, work=self._work)

    def _say(self, identity: str, text: str) -> None:
        self._tell(f"{identity}: {text}")


def derived(found: Environment, wanted: Request, request: Request, changes: Sequence[Change]) -> Environment:
    """The environment under its base's name and the changes'; without changes it is the request's own.

    `wanted` is the request that it was found by, which of two bases that move to one release may be the same.
    """
    if not changes:
        return found
    build = None if found.id == wanted.id else found.torch_build
    identity = variant_id(environment_id(request.id, build), changes)
    lock = None if found.lock is None else f"locks/{identity}.txt"
    return replace(found, id=identity, lock=lock, derived_from=request.id)


def _users(home: Path) -> set[str]:
    """The ids of the variants that were probed in an environment of the laboratory's."""
    try:
        return set((home / _USERS).read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return set()


def _own_bytes(folder: Path) -> int:
    """What the disk gets back for a folder's files: nothing where uv's cache or another environment links to one too.

    Nothing for one that is not there.
    """
    found = (file.lstat() for file in folder.rglob("*"))
    return sum(one.st_size for one in found if one.st_nlink == 1)
