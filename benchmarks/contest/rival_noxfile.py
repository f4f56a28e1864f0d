"""What a good engineer writes in an afternoon: a session per environment, a process per path, one after the other.

Environments and what their processes are given come from the file that RIVAL_CELLS names; RIVAL_BACKEND is nox's
backend for virtual environments, and with it the installer.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nox

CELLS = json.loads(Path(os.environ["RIVAL_CELLS"]).read_text(encoding="utf-8"))


def cells(environment: dict[str, Any]) -> Callable[[nox.Session], None]:
    """The session of one environment."""

    def one(session: nox.Session) -> None:
        started = time.monotonic()
        session.install("--no-deps", "--requirement", environment["requirements"])
        Path(environment["installed"]).write_text(str(time.monotonic() - started), encoding="utf-8")
        for probe in environment["probes"]:
            session.run("python", CELLS["program"], probe["settings"], env=probe["env"])

    return one


for each in CELLS["environments"]:
    nox.session(name=each["id"], python=each["python"], venv_backend=os.environ["RIVAL_BACKEND"])(cells(each))
