"""One environment's session, the unit of work everywhere: build, probe on every device, classify, keep the result."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from asrcompat.model import Cell, Device, Environment, EnvironmentResult, Outcome, Stage
from asrcompat.run import ahead, code, host, outcome, uv
from asrcompat.run.cells import Progress, Settings, Subject, probe_everywhere, unavailable_devices
from asrcompat.run.environment import build, give_up
from asrcompat.run.hold import alone
from asrcompat.run.inputs import Inputs, prepare_inputs
from asrcompat.run.intact import Intact
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.killed import recover
from asrcompat.run.known import with_content
from asrcompat.run.lock import Lock
from asrcompat.run.paths import path_files
from asrcompat.run.probed import marked
from asrcompat.run.scrub import Scrubber

# What all paths of an environment together are to climb in about a minute.
_CLIMB = (Stage.LOAD, Stage.FEATURES, Stage.FORWARD, Stage.BACKWARD, Stage.STEP)


@dataclass(frozen=True, kw_only=True)
class Locked:
    """What an environment is built from; `text` is the lock as it is published."""

    lock: Lock
    interpreter: Interpreter
    text: str


@dataclass(frozen=True, kw_only=True)
class NotBuilt:
    """Why there is nothing to probe: what its cells become, at which stage, and the message."""

    outcome: Outcome
    stage: Stage | None
    message: str
    exception: str | None = None


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a probe is given in place of the matrix's inputs and fixtures, and variables to set for it."""

    inputs: Inputs
    fixtures: Path
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where a session takes place that is not the matrix's own: it leaves that one's environments and logs alone.

    The environment is built as ``<work>/envs/<name>/``; `given` makes of the matrix's inputs what the probe gets.
    """

    work: Path
    name: str
    logs: str
    given: Callable[[Inputs], Given]


def run_session(
    environment: Environment,
    source: Locked | NotBuilt,
    settings: Settings,
    *,
    tell: Progress,
    bench: Bench | None = None,
    known: Collection[tuple[str, Device]] = (),
    keep: Callable[[EnvironmentResult], None] = lambda _: None,
) -> EnvironmentResult:
    """The result of one environment, from its lock; where there is none, every cell says why.

    Cells that are `known` are left out. `keep` gets the result as far as it stands whenever there is more of it, so
    that a session which is stopped loses the cell that it is at and no other. Two sessions of one environment wait for
    each other: neither may take away what the other probes.
    """
    before = code.digest(settings)

    def stamped(result: EnvironmentResult) -> EnvironmentResult:
        now = code.throughout(before, settings)
        if isinstance(source, Locked) and bench is None:
            result = with_content(result, source, settings, code=now)
        return replace(result, environment=replace(result.environment, code=now))

    if isinstance(source, NotBuilt):
        return stamped(_without_probe(environment, source, settings, known))
    place = bench or Bench(
        work=settings.work,
        name=environment.id,
        logs=environment.id,
        given=lambda inputs: Given(inputs=inputs, fixtures=settings.fixtures),
    )
    with alone(place.work / "envs" / place.name, tell):
        result = _build_and_probe(
            environment, source, settings, place, tell, known, keep=lambda result: keep(stamped(result))
        )
    return stamped(result)


def _build_and_probe(
    environment: Environment,
    source: Locked,
    settings: Settings,
    place: Bench,
    tell: Progress,
    known: Collection[tuple[str, Device]],
    *,
    keep: Callable[[EnvironmentResult], None],
) -> EnvironmentResult:
    lock, interpreter = source.lock, source.interpreter
    recover(place.work / "envs", place.work / "envs" / place.name, tell)
    tell(f"install: {len(lock.versions)} packages; if none is cached, {lock.download} to download")
    ahead.wait_for(lock, interpreter, work=settings.work, tell=tell)
    built = build(
        place.name,
        lock,
        interpreter=interpreter,
        arguments=settings.install_arguments,
        work=place.work,
        seconds=settings.limits.install_seconds,
    )
    if isinstance(built, uv.Failure):
        return _not_installed(environment, built, settings, known)
    tell("install: already there" if built.reused else f"install: done ({built.seconds:.0f} s)")
    started = time.monotonic()
    inputs = prepare_inputs(
        model=settings.model, weights=settings.weights, fixtures=settings.fixtures, work=settings.work
    )
    given = place.given(inputs)
    home = built.python.parent.parent

    def result(cells: Sequence[Cell], static: Mapping[str, Any]) -> EnvironmentResult:
        seconds = {
            **environment.seconds,
            "install": round(built.seconds, 1),
            "probe": round(time.monotonic() - started, 1),
            "load to step": round(sum(cell.seconds.get(stage, 0) for cell in cells for stage in _CLIMB), 1),
        }
        done = replace(environment, installable="ok", seconds=seconds, build={**environment.build, **static})
        return replace(_result(done, cells, settings), weights_comparison=inputs.weights_comparison)

    with marked(home):  # before its files are looked at: who puts right what a killed run left asks for the mark
        subject = Subject(
            identity=environment.id,
            python=built.python,
            distributions=tuple(environment.packages),
            variables=given.variables,
            logs=place.logs,
            intact=Intact(home),
        )
        cells, static = probe_everywhere(
            subject,
            path_files(settings.paths),
            given.inputs,
            settings,
            tell=tell,
            fixtures=given.fixtures,
            known=known,
            keep=lambda cells, static: keep(result(cells, static)),
        )
        if subject.intact is not None and subject.intact.since is not None:
            tell("the environment is given up: its files are no longer those that were installed")
            give_up(home, subject.intact.found, tell)
    return result(cells, static)


def _not_installed(
    environment: Environment, failure: uv.Failure, settings: Settings, known: Collection[tuple[str, Device]]
) -> EnvironmentResult:
    scrub = Scrubber({"work": settings.work, "checkout": settings.root})
    message = scrub.text(failure.message)
    if failure.kind == "error":
        why = NotBuilt(outcome=Outcome.ERROR, stage=Stage.INSTALL, message=message)
        return _without_probe(environment, why, settings, known)
    failed = replace(environment, installable="failed", reason=message)
    why = NotBuilt(outcome=Outcome.BROKEN, stage=Stage.INSTALL, message=message, exception="BuildFailed")
    return _without_probe(failed, why, settings, ())  # what ran once is no longer told of what cannot be made


def _without_probe(
    environment: Environment, why: NotBuilt, settings: Settings, known: Collection[tuple[str, Device]]
) -> EnvironmentResult:
    absent = unavailable_devices(settings.devices)
    cells = []
    for device in settings.devices:
        if device in absent:
            why_here = NotBuilt(outcome=Outcome.UNAVAILABLE, stage=None, message=absent[device])
        else:
            why_here = why
        cells += [
            outcome.without_run(
                environment.id, path, device, why_here.outcome, why_here.stage, why_here.message, why_here.exception
            )
            for path in settings.paths
            if (path, device) not in known
        ]
    return _result(environment, cells, settings)


def _result(environment: Environment, cells: Sequence[Cell], settings: Settings) -> EnvironmentResult:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    harness = host.harness(settings.root)
    return EnvironmentResult(
        schema=1,
        model=settings.model,
        weights=settings.weights,
        generated_at=now,
        harness=harness,
        host=host.facts(),
        environment=replace(environment, ran_at=now, commit=harness["commit"]),
        cells=tuple(cells),
    )
