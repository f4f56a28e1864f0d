"""One environment's session, the unit of work everywhere: build, probe on every device, classify, keep the result."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from asrcompat.hub.server import Hub
from asrcompat.model import Cell, Device, Environment, EnvironmentResult, Outcome, Stage, Weights
from asrcompat.run import host, outcome, uv
from asrcompat.run.environment import Built, build
from asrcompat.run.inputs import Inputs, prepare_inputs
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.run.paths import path_files
from asrcompat.run.probing import Raw, Target, probe
from asrcompat.run.scrub import Scrubber
from asrcompat.run.store import write_text
from asrcompat.spec import Limits, ProbeSettings

Progress = Callable[[str], None]


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
class NotBuilt:
    """Why there is nothing to probe: what its cells become, at which stage, and the message."""

    outcome: Outcome
    stage: Stage | None
    message: str


def run_session(
    environment: Environment,
    source: tuple[Lock, Interpreter] | NotBuilt,
    settings: Settings,
    *,
    tell: Progress,
) -> EnvironmentResult:
    """The result of one environment, from its lock; where there is none, every cell says why."""
    if isinstance(source, NotBuilt):
        return _without_probe(environment, source, settings)
    lock, interpreter = source
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
    cells, static = _probe_all(environment, lock, built, inputs, settings, tell)
    seconds = {**environment.seconds, "install": round(built.seconds, 1), "probe": round(time.monotonic() - started, 1)}
    done = replace(environment, installable="ok", seconds=seconds, build={**environment.build, **static})
    return replace(_result(done, cells, settings), weights_comparison=inputs.weights_comparison)


def unavailable_devices(devices: Sequence[Device]) -> dict[Device, str]:
    """Devices asked for that this machine lacks, with the reason."""
    if Device.CUDA in devices and not host.cuda_devices():
        return {Device.CUDA: "no NVIDIA device on this machine"}
    return {}


def _probe_all(
    environment: Environment, lock: Lock, built: Built, inputs: Inputs, settings: Settings, tell: Progress
) -> tuple[list[Cell], dict[str, Any]]:
    files = path_files(settings.paths)
    absent = unavailable_devices(settings.devices)
    cells = []
    static: dict[str, Any] = {}
    with Hub(inputs.hub_root) as hub:
        target = Target(
            python=built.python,
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
    return cells, static


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
        _keep_log(raw, settings.work / "logs" / identity)
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
    return _without_probe(failed, NotBuilt(outcome=Outcome.BROKEN, stage=Stage.INSTALL, message=message), settings)


def _without_probe(environment: Environment, why: NotBuilt, settings: Settings) -> EnvironmentResult:
    absent = unavailable_devices(settings.devices)
    cells = []
    for device in settings.devices:
        if device in absent:
            why_here = NotBuilt(outcome=Outcome.UNAVAILABLE, stage=None, message=absent[device])
        else:
            why_here = why
        cells += [
            outcome.without_run(environment.id, path, device, why_here.outcome, why_here.stage, why_here.message)
            for path in settings.paths
        ]
    return _result(environment, cells, settings)


def _result(environment: Environment, cells: Sequence[Cell], settings: Settings) -> EnvironmentResult:
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return EnvironmentResult(
        schema=1,
        model=settings.model,
        weights=settings.weights,
        generated_at=now,
        harness=host.harness(settings.root),
        host=host.facts(),
        environment=environment,
        cells=tuple(cells),
    )
