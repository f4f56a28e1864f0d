"""From a request to what a session starts with: an interpreter, a lock, and the environment's facts so far."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from asrcompat.model import Environment, Outcome, Stage
from asrcompat.plan.kept import Carried
from asrcompat.plan.resolve import Resolution, Resolver, kept_of, resolve, until
from asrcompat.run.interpreters import Interpreter, NoInterpreter, find
from asrcompat.run.lock import Lock
from asrcompat.run.scrub import Scrubber
from asrcompat.run.secrets import without_secrets
from asrcompat.run.session import Locked, NotBuilt
from asrcompat.run.uv import Failure
from asrcompat.spec import Index, Request, environment_id

_DEFAULT_INDEX = "https://pypi.org/simple"


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where locks come from: `torch_index` None means that torch comes from the same index as everything else.

    What was kept before `since` (seconds since the epoch), or at all where they are to be `fresh`, does not count.
    """

    index: Index
    torch_index: str | None
    work: Path
    seconds: float
    fresh: bool
    since: float = 0.0

    def resolver(self, interpreter: Interpreter, *, as_of: str | None) -> Resolver:
        """What locks for an interpreter from these places, as of a day or of today."""
        return Resolver(
            interpreter=interpreter,
            index=self.index,
            torch_index=self.torch_index,
            work=self.work,
            seconds=self.seconds,
            fresh=self.fresh,
            since=self.since,
            as_of=as_of,
        )

    def install_arguments(self, as_of: str | None = None) -> tuple[str, ...]:
        """The same places, as arguments of an installation; as of a day, for what has to be built needs others."""
        arguments: tuple[str, ...] = () if self.index.url is None else ("--default-index", self.index.url)
        arguments += () if as_of is None else until(as_of)
        if self.torch_index is not None:
            # versions are pinned and hashed: which index a distribution comes from cannot change what is installed
            arguments += ("--index", self.torch_index, "--index-strategy", "unsafe-best-match")
        return (*arguments, *(part for place in self.index.find_links for part in ("--find-links", place)))


def prepare(request: Request, sources: Sources) -> tuple[Environment, Locked | NotBuilt]:
    """The environment of a request and its lock; without one, what its cells become and why."""
    interpreter = find(request.python)
    if isinstance(interpreter, NoInterpreter):
        environment = Environment(
            id=request.id, python=request.python, packages={}, pins=request.aids, as_of=request.as_of
        )
        return environment, NotBuilt(outcome=Outcome.UNAVAILABLE, stage=None, message=interpreter.message)
    resolution = resolve(request, sources.resolver(interpreter, as_of=request.as_of))
    if sources.torch_index is not None and resolution.failure is not None and resolution.failure.kind == "conflict":
        # the CPU index may lack a build that the common index has: only a conflict in both is a verdict
        return prepare(request, replace(sources, torch_index=None))
    environment = _environment(request, interpreter, resolution, sources)
    if resolution.lock is not None:
        text = resolution.lock.requirements(extra_index=sources.torch_index)
        return environment, Locked(lock=resolution.lock, interpreter=interpreter, text=text)
    return environment, _unresolved(resolution.failure, environment)


def carried(request: Request, source: Locked, sources: Sources) -> Carried:
    """The lock that `prepare` came to, as files for other machines, with what it was told on the way to it."""
    hours = sources.index.lock_hours if request.as_of is None else float("inf")
    files: Carried = {}
    for index in dict.fromkeys((sources.torch_index, None)):
        resolver = replace(sources, torch_index=index).resolver(source.interpreter, as_of=request.as_of)
        aided, unaided = kept_of(request, resolver)
        if index is not None and isinstance(refused := aided.read(hours=hours), Failure):
            files = {**files, **aided.carried(refused)}
            continue
        without = unaided.read(hours=hours)
        # without aids both have one name, and the lock is what was accepted
        return {**files, **({} if without is None else unaided.carried(without)), **aided.carried(source.lock)}
    return files


def _environment(request: Request, interpreter: Interpreter, resolution: Resolution, sources: Sources) -> Environment:
    lock = resolution.lock
    build = None if lock is None else lock.torch_build
    identity = environment_id(request.id, build if sources.torch_index else None)
    scrub = Scrubber({"work": sources.work})
    failure = resolution.failure
    index = sources.index.url or _DEFAULT_INDEX
    return Environment(
        id=identity,
        python=interpreter.version,
        packages={} if lock is None else _packages(request, lock),
        torch_build=build,
        declared=resolution.declared,
        declared_reason=None if resolution.declared_reason is None else scrub.text(resolution.declared_reason),
        installable="failed" if failure is not None and failure.kind != "error" else "unknown",
        lock=None if lock is None else f"locks/{identity}.txt",
        lock_sha256=None if lock is None else lock.sha256,
        pylock=None if lock is None else f"locks/pylock.{identity.replace('.', '_')}.toml",
        index=without_secrets(index if sources.torch_index is None else f"{index}, torch from {sources.torch_index}"),
        pins=request.aids,
        unaided=_unaided(lock, resolution.unaided),
        as_of=request.as_of,
        reason=request.reason if failure is None else scrub.text(failure.message),
        seconds={"resolve": round(resolution.seconds, 1)},
    )


def _unaided(lock: Lock | None, unaided: Lock | None) -> dict[str, str]:
    """What a resolver chooses otherwise without aids: ``-`` for what it leaves out."""
    if lock is None or unaided is None:
        return {}
    names = sorted(lock.versions.keys() | unaided.versions.keys())
    return {
        name: unaided.versions.get(name, "-") for name in names if unaided.versions.get(name) != lock.versions.get(name)
    }


def _unresolved(failure: Failure | None, environment: Environment) -> NotBuilt:
    if failure is None:
        return NotBuilt(outcome=Outcome.ERROR, stage=Stage.RESOLVE, message="no lock, and no word why")
    message = environment.reason or failure.message
    if failure.kind == "error":
        return NotBuilt(outcome=Outcome.ERROR, stage=Stage.RESOLVE, message=message)
    # a distribution whose metadata can only be had by building it: what fails is the build
    stage = Stage.INSTALL if failure.kind == "build" else Stage.RESOLVE
    exception = "BuildFailed" if failure.kind == "build" else "ResolutionConflict"
    return NotBuilt(outcome=Outcome.BROKEN, stage=stage, message=message, exception=exception)


def _packages(request: Request, lock: Lock) -> dict[str, str]:
    """Versions of the axis packages, and of what else was asked for."""
    asked = {name: lock.versions[name] for name in request.distributions if name in lock.versions}
    return {**lock.axis_versions, **asked}
