"""Find a CPython of a wanted version: on PATH, among uv's own, in pyenv's versions folder; else let uv fetch one.

On PATH it is sought by the version's name (``python3.10``) first; whatever ``python3`` is, comes last.

A candidate counts once it has run and said its version: pyenv's shims exist for versions that they will not run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from threading import Lock

from asrcompat.run import uv

_looking: dict[str, Lock] = {}  # environments are resolved side by side, most of them for the same few versions
_installing = Lock()  # uv installs one at a time, and the deadline is for that one

# the base executable: the one behind a shim, and outside a virtual environment
# and the standard library's compiled modules, which a Python built where a library was missing lacks (lzma, sqlite3)
_ASK = """
import json, os, platform, sys
compiled = set(sys.builtin_module_names)
for folder in sys.path:
    if os.path.basename(folder) == "lib-dynload" and os.path.isdir(folder):
        compiled |= {name.split(".")[0] for name in os.listdir(folder) if name.endswith(".so")}
told = [platform.python_implementation(), platform.python_version(), sys._base_executable, sorted(compiled)]
print(json.dumps(told))
"""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """An interpreter that ran: where it is, the full version that it told, and a digest of its compiled modules."""

    executable: Path
    version: str
    modules: str = ""


@dataclass(frozen=True, kw_only=True)
class NoInterpreter:
    """No interpreter of this version here: why, and the command that would provide one."""

    wanted: str
    reason: str

    @property
    def message(self) -> str:
        """The reason and the remedy in one sentence."""
        return (
            f"no Python {self.wanted} on this machine ({self.reason}); to provide one: uv python install {self.wanted}"
        )


def find(wanted: str) -> Interpreter | NoInterpreter:
    """An interpreter of version `wanted` ("3.10"), downloaded by uv where none is here."""
    with _looking.setdefault(wanted, Lock()):
        return _find(wanted)


@cache
def _find(wanted: str) -> Interpreter | NoInterpreter:
    found = _first(_candidates(wanted), wanted)
    if found is not None:
        return found
    with _installing:
        installed = uv.command(["python", "install", "--no-bin", wanted], seconds=600)
    if installed.code == 0 and (found := _first(_of_uv(wanted), wanted)) is not None:
        return found
    reason = installed.output.strip().splitlines()
    return NoInterpreter(wanted=wanted, reason="uv could not download one: " + (reason[0] if reason else "no word why"))


def _first(candidates: Iterable[Path], wanted: str) -> Interpreter | None:
    """The first of these that runs and is of this version."""
    for candidate in candidates:
        found = ask(candidate)
        if found is not None and (found.version == wanted or found.version.startswith(wanted + ".")):
            return found
    return None


def ask(executable: Path) -> Interpreter | None:
    """The interpreter behind this file, resolved by running it; None where it does not run or is not CPython."""
    try:
        done = subprocess.run(
            [executable, "-I", "-c", _ASK],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        implementation, version, base, compiled = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return None
    if implementation != "CPython":
        return None
    modules = sha256(" ".join(compiled).encode()).hexdigest()[:16]
    return Interpreter(executable=Path(base), version=version, modules=modules)


def _candidates(wanted: str) -> Iterator[Path]:
    yield from _on_path(f"python{wanted}")
    yield from _of_uv(wanted)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob(f"versions/{wanted}.*/bin/python"), key=_patch_number, reverse=True)
    yield from _on_path("python3", "python")


def _on_path(*names: str) -> Iterator[Path]:
    return (Path(found) for name in names if (found := shutil.which(name)) is not None)


def _patch_number(executable: Path) -> int:
    """3.10.14 is newer than 3.10.9."""
    return int("".join(filter(str.isdigit, executable.parent.parent.name.rpartition(".")[2])) or 0)


def _of_uv(wanted: str) -> Iterator[Path]:
    # not `list`, which asks every interpreter that it finds anywhere
    found = uv.command(["python", "find", "--managed-python", "--system", "--no-project", wanted], seconds=60)
    if found.code == 0:
        yield Path(found.output.strip().rpartition("\n")[2])  # below what uv may have to warn of
