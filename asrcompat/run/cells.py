"""The cells of one environment: every path on every device, probed and judged, whoever built the environment."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asrcompat.model import Cell, Check, CheckOutcome, Device, Outcome, Stage, Weights
from asrcompat.run import host, outcome
from asrcompat.run.inputs import Inputs
from asrcompat.run.intact import Intact
from asrcompat.run.probing import Target, probe
from asrcompat.run.records import Raw
from asrcompat.run.scrub import Scrubber
from asrcompat.run.store import write_text
from asrcompat.spec import Limits, ProbeSettings

if TYPE_CHECKING:
    from asrcompat.hub.server import Hub

Progress = Callable[[str], None]

_SHOWN = 5  # altered files that are named
_SLACK_SECONDS = 2.0  # between a path's last check and its end
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
    findings: Mapping[str, float]
    limits: Limits
    install_arguments: tuple[str, ...]
    threads: int

    @property
    def fixtures(self) -> Path:
        """The fixtures of the checkout."""
        return self.root / "fixtures"


def unavailable_devices(devices: Sequence[Device]) -> dict[Device, str]:
    """Devices asked for that this machine lacks, with the reason."""
    if Device.CUDA in devices and not host.cuda_devices():
        return {Device.CUDA: "no NVIDIA device on this machine"}
    return {}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is probed: an environment's id in results, its interpreter, the distributions whose versions are asked.

    `variables` are set for its probe besides the harness's own. Logs are kept under `logs`, else under the id. Where
    `intact` watches its files, what a path alters is told with it, and what runs after that says nothing.
    """

    identity: str
    python: Path
    distributions: Sequence[str]
    write_bytecode: bool = True
    variables: Mapping[str, str] = field(default_factory=dict)
    logs: str = ""
    intact: Intact | None = None


def probe_everywhere(
    subject: Subject,
    files: Mapping[str, Path],
    inputs: Inputs,
    settings: Settings,
    *,
    tell: Progress,
    fixtures: Path | None = None,
    known: Collection[tuple[str, Device]] = (),
    keep: Callable[[list[Cell], dict[str, Any]], None] = lambda *_: None,
) -> tuple[list[Cell], dict[str, Any]]:
    """The cells of the paths in `files` on every device, but for those `known`; and what torch says of its own build.

    `fixtures` are the checkout's, unless given. `keep` gets the same of what was found so far, each time there is more.
    """
    from asrcompat.hub.server import Hub  # noqa: PLC0415 - a web server: what runs nothing does without

    absent = unavailable_devices(settings.devices)
    cells: list[Cell] = []
    static: dict[str, Any] = {}
    with Hub(inputs.hub_root) as hub:
        target = Target(
            python=subject.python,
            distributions=subject.distributions,
            endpoint=hub.endpoint,
            model=settings.model,
            inputs=inputs,
            fixtures=fixtures or settings.fixtures,
            probe=settings.probe,
            findings=settings.findings,
            limits=settings.limits,
            threads=settings.threads,
            write_bytecode=subject.write_bytecode,
            variables=subject.variables,
            guided=inputs.probe.get("reference") is not None,
        )

        spoilt = _Spoilt(subject.intact)

        def found(cell: Cell, facts: Mapping[str, Any]) -> None:
            cells.append(spoilt.told(cell, tell))
            static.update(facts)
            keep(_believed(cells, hub, settings), static)

        for device in settings.devices:
            left = {path: file for path, file in files.items() if (path, device) not in known}
            if not left:
                continue
            if device in absent:
                cells += [
                    outcome.without_run(subject.identity, path, device, Outcome.UNAVAILABLE, None, absent[device])
                    for path in left
                ]
                continue
            _climb(subject, target, left, device, settings, tell=tell, found=found)
        return _believed(cells, hub, settings), static


class _Spoilt:
    """Whether something has altered the files of the environment, and which path it was.

    Paths are found out together that ran one after the other: when a path ran, and when a file was changed, tells.
    """

    def __init__(self, intact: Intact | None) -> None:
        self._intact = intact
        self._files: list[str] = []

    def told(self, cell: Cell, tell: Progress) -> Cell:
        """A cell that has just been found: an error, if it ran on altered files; with a word, if it altered some."""
        if self._intact is None:
            return cell
        self._files += self._intact.altered()
        if self._intact.since is None or cell.evidence is None:
            return cell
        message = f"{len(self._files)} of the packages' files were altered: {', '.join(self._files[:_SHOWN])}"
        began = datetime.fromisoformat(cell.evidence.started).timestamp()
        if began > self._intact.since:
            why = f"it ran on what another path, or the import, had changed ({message}); it then said: "
            return replace(cell, outcome=Outcome.ERROR, message=why + cell.message)
        if self._intact.since > began + sum(cell.seconds.values()) + _SLACK_SECONDS:
            return cell
        # nearly always by it; a path that ran at the same time in another environment may share the file
        tell(f"{cell.path} on {cell.device}: while it ran, {message}")
        check = Check(
            id="leaves-files",
            stage=cell.stage or Stage.IMPORT,
            required=False,
            outcome=CheckOutcome.FAILED,
            message=f"while it ran, {message}",
        )
        return replace(cell, checks=(*cell.checks, check))


def _believed(cells: Sequence[Cell], hub: Hub, settings: Settings) -> list[Cell]:
    """The cells as far as our hub was in order."""
    troubles = [f"{method} {path}: {status}" for method, path, status in hub.requests if status >= _SERVER_FAULT]
    if not _answers(f"{hub.endpoint}/api/models/{settings.model}"):
        troubles.append("it does not answer any more")
    return [_doubted(cell, troubles) for cell in cells] if troubles else list(cells)


def _answers(address: str) -> bool:
    """Whether our hub is still there: a path that found it gone looks as if the packages had failed."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a person's proxy does not know our loopback
    try:
        with direct.open(address, timeout=30) as response:
            return bool(response.status == HTTPStatus.OK)
    except OSError:
        return False


def _doubted(cell: Cell, troubles: Sequence[str]) -> Cell:
    """What failed while our own hub failed says nothing about the packages: the cell, and every finding that failed."""
    why = f"the harness's hub failed ({'; '.join(troubles)}); the path then said: "
    checks = tuple(
        replace(check, outcome=CheckOutcome.ERROR, message=why + check.message)
        if check.outcome is CheckOutcome.FAILED and not check.required
        else check
        for check in cell.checks
    )
    if cell.outcome not in (Outcome.BROKEN, Outcome.UNSTABLE):
        return replace(cell, checks=checks)
    return replace(cell, outcome=Outcome.ERROR, message=why + cell.message, checks=checks)


def _climb(
    subject: Subject,
    target: Target,
    files: Mapping[str, Path],
    device: Device,
    settings: Settings,
    *,
    tell: Progress,
    found: Callable[[Cell, Mapping[str, Any]], None],
) -> None:
    """Probe all paths on one device; `found` gets each cell, and what torch says in it of its own build."""
    name = subject.logs or subject.identity
    folder = settings.work / "probe" / name / device.value
    scrub = Scrubber(
        {"work": settings.work, "checkout": settings.root, "environment": target.python.parent.parent, "tmp": folder}
    )

    def stands(raw: Raw) -> None:
        kept = _scrubbed(raw, scrub)
        _keep_log(kept, settings.work / "logs" / settings.weights / name)
        told = raw.last("static")
        cell = outcome.cell(subject.identity, raw, scrub)  # judged by what it said, and proven by what is kept of that
        evidence = None if cell.evidence is None else replace(cell.evidence, log_sha256=kept.sha256())
        found(replace(cell, evidence=evidence), told["facts"] if told else {})

    def progress(path: str, text: str) -> None:
        tell(f"{path} on {device}: {text}")

    probe(target, files, device, folder=folder, on_progress=progress, on_found=stands)


def _scrubbed(raw: Raw, scrub: Scrubber) -> Raw:
    """What a path left, fit to be kept: its log goes with the results of a run to whoever reads them."""
    first = None if raw.first is None else _scrubbed(raw.first, scrub)
    return replace(raw, events=tuple(scrub.data(raw.events)), log=scrub.log(raw.log), first=first)


def _keep_log(raw: Raw, folder: Path) -> None:
    """The log that a cell's evidence is the hash of."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{raw.path}-{raw.device}.log").write_bytes(raw.log)
    events = "".join(f"{event}\n" for event in raw.events)
    write_text(folder / f"{raw.path}-{raw.device}.events", events)
