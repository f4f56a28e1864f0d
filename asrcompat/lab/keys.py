"""By what a result of the laboratory is known: the content of all that can change it, as one name."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from asrcompat.lab import additions, configuration, given
from asrcompat.lab.change import Change, in_order
from asrcompat.lab.shim import site_customisation
from asrcompat.model import Environment
from asrcompat.plan.prepare import Sources
from asrcompat.run import code, host
from asrcompat.run.cells import Settings
from asrcompat.run.session import Locked
from asrcompat.spec import Request

_GIVES = tuple(
    Path(str(module.__file__)) for module in (given, configuration, additions)
)  # besides what every session has


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
