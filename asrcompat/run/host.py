"""Facts about this machine that results carry: no names, no addresses, no paths."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from asrcompat import __version__
from asrcompat.run.process import run


@cache
def facts() -> dict[str, Any]:
    """Operating system, processor, memory, CUDA devices."""
    return {
        "os": _os_name(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": _cpu_name(),
        "cores": usable_cores(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "python": platform.python_version(),
        "uv": version("uv"),
        "cuda_devices": cuda_devices(),
    }


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def cuda_devices() -> tuple[str, ...]:
    """Names of the NVIDIA devices that this machine has; empty where there is none."""
    if not any(Path("/dev").glob("nvidia[0-9]*")):
        return ()
    try:
        asked = run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], seconds=30)
    except OSError:
        return ("NVIDIA device (nvidia-smi is missing)",)
    if asked.code != 0:
        return ("NVIDIA device (nvidia-smi fails)",)
    return tuple(line.strip() for line in asked.output.splitlines() if line.strip())


def harness(root: Path) -> dict[str, str]:
    """Version of this package, and the commit of the checkout at `root` with a mark if it has changes."""
    try:
        described = run(["git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12", "--match="], seconds=30)
    except OSError:
        return {"version": __version__, "commit": "unknown"}
    return {"version": __version__, "commit": described.output.strip() if described.code == 0 else "unknown"}


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
