"""Settings of a session, for tests that say only what they are about."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from asrcompat.model import Device
from asrcompat.run.cells import Settings
from asrcompat.spec import Spec


def make_settings(spec: Spec, root: Path, **changes: Any) -> Settings:
    """What holds for every environment of a run that tries nothing, with the spec's limits."""
    settings = Settings(
        root=root,
        work=root,
        model=spec.model.name,
        weights="synthetic-small",
        paths=(),
        devices=(Device.CPU,),
        probe=spec.probe,
        findings={},
        limits=spec.limits,
        install_arguments=(),
        threads=1,
    )
    return dataclasses.replace(settings, **changes)
