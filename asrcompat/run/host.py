"""Facts about this machine that results carry: no names, no addresses, no paths."""

from __future__ import annotations

import os
import platform
import re
import shutil
from ctypes.util import find_library
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from asrcompat import __version__
from asrcompat.run.process import run

_PROGRAMS = ("ffmpeg", "sox", "gcc", "g++", "git", "ninja", "cmake")
_LIBRARIES = ("avcodec", "avutil", "sndfile", "sox", "gomp", "stdc++")
_VECTOR = re.compile(r"avx\w*|fma|f16c|amx\w*|asimd\w*|sve\w*|\w*bf16|i8mm")


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


def platform_facts() -> tuple[str, ...]:
    """What of this machine can change an outcome on the CPU: system, C library, architecture, vector instructions.

    And the programs and libraries that audio packages use where they find them. The kernel and the processor's name are
    not among it, nor its number of cores: they change from one hosted runner to the next. The instructions are, as
    libraries choose their code by them.
    """
    system = (_os_name(), *platform.libc_ver(), platform.machine(), *sorted(_vector_instructions()))
    return *system, os.environ.get("LD_LIBRARY_PATH", ""), *_found(os.environ.get("PATH", ""))


@cache
def _found(path: str) -> tuple[str, ...]:
    """Which of the programs and libraries that packages look for are there."""
    programs = (name for name in _PROGRAMS if shutil.which(name, path=path) is not None)
    return *programs, *(found for name in _LIBRARIES if (found := find_library(name)) is not None)


def cuda_facts() -> tuple[str, ...]:
    """What of this machine can change an outcome on a CUDA device: the devices, those that may be used, the driver."""
    try:
        driver = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8")
    except OSError:
        driver = ""
    return *cuda_devices(), os.environ.get("CUDA_VISIBLE_DEVICES", ""), driver


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
    return _of_cpu("model name") or platform.processor() or "unknown"


def _vector_instructions() -> set[str]:
    flags = (_of_cpu("flags") or _of_cpu("Features")).split()  # x86 and ARM
    return {flag for flag in flags if _VECTOR.fullmatch(flag)}


def _of_cpu(field: str) -> str:
    """What Linux tells of the first processor; empty where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == field), "")
