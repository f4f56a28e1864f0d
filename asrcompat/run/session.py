"""One environment's session, the unit of work everywhere: build, probe on every device, classify, keep the result."""

from __future__ import annotations

import datetime
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from asrcompat.hub.server import Hub
from asrcompat.model import Cell, Device, Environment, EnvironmentResult, Outcome, Stage, Weights
from asrcompat.run import host, outcome, uv
from asrcompat.run.environment import alone, build
from asrcompat.run.inputs import Inputs, prepare_inputs
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.run.paths import path_files
from asrcompat.run.probing import Raw, Target, probe
from asrcompat.run.scrub import Scrubber
from asrcompat.run.store import write_text
from asrcompat.spec import Limits, ProbeSettings

Progress = Callable[[str], None]

_SERVER_FAULT = HTTPStatus.INTERNAL_SERVER_ERROR  # statuses from here on are the hub's own failures


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What holds for every environment of a run. `root` is the checkout, `work` its folder for everything made."""

    root: Path
    work: Path
    model: str
    weights: Weights
    paths: Sequence[str]
    devices: Sequence[Device]
    probe: ProbeSettings
    limits: Limits
    install_arguments: tuple[str, ...]
    threads: int

    @property
    def fixtures(self) -> Path:
        """The fixtures of the checkout."""
        return self.root / "fixtures"


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


def run_session(
    environment: Environment,
    source: Locked | NotBuilt,
    settings: Settings,
    *,
    tell: Progress,
) -> EnvironmentResult:
    """The result of one environment, from its lock; where there is none, every cell says why.

    Two sessions of one environment wait for each other: neither may take away what the other probes.
    """
    if isinstance(source, NotBuilt):
        return _without_probe(environment, source, settings)
    with alone(settings.work / "envs" / environment.id, tell):
        return _build_and_probe(environment, source.lock, source.interpreter, settings, tell)


def _build_and_probe(
    environment: Environment, lock: Lock, interpreter: Interpreter, settings: Settings, tell: Progress
) -> EnvironmentResult:
    tell(f"install: {len(lock.versions)} packages; if none is cached, {lock.download} to download")
    built = build(
        environment.id,
        lock,
        interpreter=interpreter,
        arguments=settings.install_arguments,
        work=settings.work,
        seconds=settings.limits.install_seconds,
    )
    if isinstance(built, uv.Failure):
        return _not_installed(environment, built, settings)
    tell("install: already there" if built.reused else f"install: done ({built.seconds:.0f} s)")
    started = time.monotonic()
    inputs = prepare_inputs(
        model=settings.model, weights=settings.weights, fixtures=settings.fixtures, work=settings.work
    )
    cells, static = _probe_all(environment, lock, built.python, inputs, settings, tell)
    seconds = {**environment.seconds, "install": round(built.seconds, 1), "probe": round(time.monotonic() - started, 1)}
    done = replace(environment, installable="ok", seconds=seconds, build={**environment.build, **static})
    return replace(_result(done, cells, settings), weights_comparison=inputs.weights_comparison)


def unavailable_devices(devices: Sequence[Device]) -> dict[Device, str]:
    """Devices asked for that this machine lacks, with the reason."""
    if Device.CUDA in devices and not host.cuda_devices():
        return {Device.CUDA: "no NVIDIA device on this machine"}
    return {}


def _probe_all(
    environment: Environment, lock: Lock, python: Path, inputs: Inputs, settings: Settings, tell: Progress
) -> tuple[list[Cell], dict[str, Any]]:
    files = path_files(settings.paths)
    absent = unavailable_devices(settings.devices)
    cells = []
    static: dict[str, Any] = {}
    with Hub(inputs.hub_root) as hub:
        target = Target(
            python=python,
            distributions=tuple(lock.axis_versions),
            endpoint=hub.endpoint,
            model=settings.model,
            inputs=inputs,
            fixtures=settings.fixtures,
            probe=settings.probe,
            limits=settings.limits,
            threads=settings.threads,
        )
        for device in settings.devices:
            if device in absent:
                cells += [
                    outcome.without_run(environment.id, path, device, Outcome.UNAVAILABLE, None, absent[device])
                    for path in settings.paths
                ]
                continue
            found, facts = probe_cells(environment.id, target, files, device, settings, tell=tell)
            cells += found
            static |= facts
        troubles = [f"{method} {path}: {status}" for method, path, status in hub.requests if status >= _SERVER_FAULT]
        if not _answers(f"{hub.endpoint}/api/models/{settings.model}"):
            troubles.append("it does not answer any more")
    if troubles:
        cells = [_doubted(cell, troubles) for cell in cells]
    return cells, static


def _answers(address: str) -> bool:
    """Whether our hub is still there: a path that found it gone looks as if the packages had failed."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a person's proxy does not know our loopback
    try:
        with direct.open(address, timeout=30) as response:
            return bool(response.status == HTTPStatus.OK)
    except OSError:
        return False


def _doubted(cell: Cell, troubles: Sequence[str]) -> Cell:
    """A cell that did not work while our own hub failed: it says nothing about the packages."""
    if cell.outcome not in (Outcome.BROKEN, Outcome.UNSTABLE):
        return cell
    message = f"the harness's hub failed ({'; '.join(troubles)}); the path then said: {cell.message}"
    return replace(cell, outcome=Outcome.ERROR, message=message)


def probe_cells(
    identity: str,
    target: Target,
    files: Mapping[str, Path],
    device: Device,
    settings: Settings,
    *,
    tell: Progress,
) -> tuple[list[Cell], dict[str, Any]]:
    """Probe all paths on one device; the cells, and what torch says of its own build."""
    folder = settings.work / "probe" / identity / device.value
    raws = probe(
        target, files, device, folder=folder, on_progress=lambda path, text: tell(f"{path} on {device}: {text}")
    )
    scrub = Scrubber(
        {"work": settings.work, "checkout": settings.root, "environment": target.python.parent.parent, "tmp": folder}
    )
    facts: dict[str, Any] = {}
    for raw in raws.values():
        _keep_log(raw, settings.work / "logs" / settings.weights / identity)
        told = raw.last("static")
        facts |= told["facts"] if told else {}
    return [outcome.cell(identity, raw, scrub) for raw in raws.values()], facts


def _keep_log(raw: Raw, folder: Path) -> None:
    """The log that a cell's evidence is the hash of."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{raw.path}-{raw.device}.log").write_bytes(raw.log)
    events = "".join(f"{event}\n" for event in raw.events)
    write_text(folder / f"{raw.path}-{raw.device}.events", events)


def _not_installed(environment: Environment, failure: uv.Failure, settings: Settings) -> EnvironmentResult:
    scrub = Scrubber({"work": settings.work, "checkout": settings.root})
    message = scrub.text(failure.message)
    if failure.kind == "error":
        return _without_probe(
            environment, NotBuilt(outcome=Outcome.ERROR, stage=Stage.INSTALL, message=message), settings
        )
    failed = replace(environment, installable="failed", reason=message)
    why = NotBuilt(outcome=Outcome.BROKEN, stage=Stage.INSTALL, message=message, exception="BuildFailed")
    return _without_probe(failed, why, settings)


def _without_probe(environment: Environment, why: NotBuilt, settings: Settings) -> EnvironmentResult:
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
