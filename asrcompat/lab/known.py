"""What the laboratory found before, by content: results that would come out the same are not made again."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from asrcompat.lab import additions, configuration, given
from asrcompat.lab.change import Change, in_order
from asrcompat.lab.shim import site_customisation
from asrcompat.model import Environment, EnvironmentResult, Outcome
from asrcompat.plan.prepare import Sources
from asrcompat.result_files import ResultError, dump, parse_environment_result
from asrcompat.run import code, host
from asrcompat.run.cells import Settings
from asrcompat.run.session import Locked
from asrcompat.run.store import write_text
from asrcompat.spec import Request

_GIVES = tuple(
    Path(str(module.__file__)) for module in (given, configuration, additions)
)  # besides what every session has


class Known:
    """Results of one kind of weights, each in a file that is written once.

    `admit` makes an error of each verdict that proves nothing. What could not be made is believed for `unbuilt_hours`:
    an index, a compiler or a library of this machine may be another by then.
    """

    def __init__(
        self,
        folder: Path,
        *,
        admit: Callable[[EnvironmentResult], EnvironmentResult] = lambda result: result,
        unbuilt_hours: float = math.inf,
    ) -> None:
        self._folder = folder
        self._admit = admit
        self._unbuilt_hours = unbuilt_hours

    def read(self, key: str) -> EnvironmentResult | None:
        """The result of this content; None where there is none that says something, or none so young."""
        file = self._folder / f"{key}.json"
        try:
            age = time.time() - file.stat().st_mtime
            result = self._admit(parse_environment_result(file.read_bytes(), source=str(file)))
        except (ResultError, OSError):
            return None
        if result.environment.installable != "ok" and age > self._unbuilt_hours * 3600:
            return None
        return result if says_something(result) else None

    def keep(self, key: str, result: EnvironmentResult, lock: str | None) -> None:
        """Keep a result and the text of its lock."""
        if lock is not None and result.environment.lock_sha256 is not None:
            write_text(self._lock(result.environment.lock_sha256), lock)
        write_text(self._folder / f"{key}.json", dump(result))

    def lock(self, sha256_of_lock: str) -> str:
        """The text of a lock that a result was made of."""
        return self._lock(sha256_of_lock).read_text(encoding="utf-8")

    def _lock(self, name: str) -> Path:
        return self._folder / "locks" / f"{name}.txt"


def says_something(result: EnvironmentResult) -> bool:
    """Whether no cell of a result is an error of the harness: one that is may be another the next time."""
    return all(cell.outcome is not Outcome.ERROR for cell in result.cells)


def key_of(
    environment: Environment, source: Locked, changes: Sequence[Change], settings: Settings, *, attempt: int
) -> str:
    """What a result depends on, as one name; and the environment's id and base, which the result tells."""
    facts: list[Any] = [
        [environment.id, environment.derived_from, source.lock.sha256, source.interpreter.version, host.cuda_devices()],
        [[one.kind, one.value] for one in in_order(changes)],
        site_customisation(one.value for one in changes if one.kind == "shim"),
        [settings.model, settings.weights, list(settings.paths), [str(device) for device in settings.devices]],
        [settings.probe.seed, settings.probe.trials, settings.probe.tolerance, dict(settings.findings)],
        [settings.limits.import_seconds, settings.limits.cell_seconds, settings.limits.train_seconds],
        [settings.limits.silence_seconds, settings.limits.memory_gb, settings.limits.output_mb, attempt],
        code.hash_of(_GIVES, _GIVES[0].parent),
        code.digest(settings),
    ]
    return sha256(json.dumps(facts).encode()).hexdigest()[:32]


def key_of_request(
    base: Request, changes: Sequence[Change], wanted: Request, sources: Sources, settings: Settings
) -> str:
    """What the word that there is no lock of what is `wanted` depends on, as one name; and the base, which it tells."""
    facts: list[Any] = [
        [
            "unresolved",
            base.id,
            dataclasses.asdict(wanted),
            sources.index.url,
            sources.index.find_links,
            sources.torch_index,
        ],
        [[one.kind, one.value] for one in in_order(changes)],
        [settings.model, list(settings.paths), [str(device) for device in settings.devices], host.cuda_devices()],
    ]
    return sha256(json.dumps(facts).encode()).hexdigest()[:32]
