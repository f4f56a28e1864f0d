"""Build a virtual environment from a lock, once: aside, checked, renamed, and marked complete last.

Why not nox's own environments: nox reuses one without comparing what is in it, and an installer that was killed leaves
one that looks whole (a second ``uv sync`` exits 0 and repairs nothing). Here an environment without a true mark is
built again, and one with a mark is used only while every file that its RECORDs name is there in its size.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from asrcompat.run import bytecode, uv
from asrcompat.run.install import LISTED, damage, install, python_of
from asrcompat.run.intact import Altered, sharing
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock, versions_of
from asrcompat.run.store import write_text

_MARK = "asrcompat-complete.json"
_MOST_ALIKE = 3  # environments whose compiled modules are looked through


@dataclass(frozen=True, kw_only=True)
class Built:
    """An environment that is complete: its interpreter, whether it was there before, and how long this took."""

    python: Path
    reused: bool
    seconds: float


def build(
    identity: str,
    lock: Lock,
    *,
    interpreter: Interpreter,
    arguments: tuple[str, ...],
    work: Path,
    seconds: float,
    anew: bool = False,
) -> Built | uv.Failure:
    """The environment of this lock under ``<work>/envs/<identity>/``, built if it is not there.

    `anew`: what is asked is whether the index still has all of it (`run.install`). Older environments of the same
    identity (another lock or interpreter) are removed: call it inside `alone`.
    """
    started = time.monotonic()
    home = work / "envs" / identity
    home.mkdir(parents=True, exist_ok=True)
    target = home / lock.sha256[:16]
    if is_complete(target, lock, interpreter):
        return Built(python=python_of(target), reused=True, seconds=time.monotonic() - started)
    for stale in home.iterdir():
        if stale.is_dir():
            shutil.rmtree(stale)
    aside = home / f"{target.name}.part"
    failure = install(aside, lock, interpreter=interpreter, arguments=arguments, work=work, seconds=seconds, anew=anew)
    if failure is not None:
        shutil.rmtree(aside, ignore_errors=True)
        return failure
    bytecode.share(aside, python_of(aside), _alike(work / "envs", aside, lock, interpreter))
    aside.rename(target)
    write_text(target / _MARK, json.dumps(_mark(lock, interpreter)))
    return Built(python=python_of(target), reused=False, seconds=time.monotonic() - started)


def give_up(environment: Path, altered: Altered, tell: Callable[[str], None]) -> None:
    """Remove an environment of which files were altered, and what was from uv's cache, which shares them.

    Others that share them too are built again before they are used the next time. The environment goes last: while it
    is there, a run that was killed here finds again what is to be given up.
    """
    homes = environment.parents[1]
    for other in sharing((one for one in homes.glob("*/*/") if one != environment), altered.shared):
        tell(f"{other.parent.name} shares what was altered, and will be built again")
        distrust(other)
    if names := sorted(altered.distributions):  # without names uv would take all
        done = uv.command(["cache", "clean", "--quiet", *names], seconds=uv.LOCK_SECONDS)
        if (failed := uv.failure(done)) is not None:
            tell(f"uv's cache keeps {', '.join(names)}, altered as they are: {failed.message}")
    shutil.rmtree(environment, ignore_errors=True)


def distrust(environment: Path) -> None:
    """Let an environment be built again before it is used the next time."""
    (environment / _MARK).unlink(missing_ok=True)


def is_trusted(environment: Path) -> bool:
    """Whether an environment was built and, as far as anybody knows, nothing was altered since."""
    return (environment / _MARK).exists()


def is_complete(environment: Path, lock: Lock, interpreter: Interpreter) -> bool:
    """Whether the environment carries the mark of this lock and interpreter, and every file it should have."""
    try:
        mark = json.loads((environment / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(mark == _mark(lock, interpreter)) and next(damage(environment), None) is None


def _alike(envs: Path, new: Path, lock: Lock, interpreter: Interpreter) -> list[Path]:
    """The complete environments of the same interpreter that have most distributions in common with the new one."""
    wanted = lock.versions.items()
    found = []
    for mark in envs.glob(f"*/*/{_MARK}"):
        with contextlib.suppress(OSError, ValueError):  # it is being removed, or torn
            told = json.loads(mark.read_text(encoding="utf-8"))
            if mark.parent != new and isinstance(told, dict) and _of(interpreter).items() <= told.items():
                listed = versions_of((mark.parent / LISTED).read_text(encoding="utf-8"))
                found.append((len(wanted & listed.items()), mark.parent))
    return [environment for _, environment in sorted(found, reverse=True)[:_MOST_ALIKE]]


def _mark(lock: Lock, interpreter: Interpreter) -> dict[str, str]:
    return {"lock": lock.sha256, **_of(interpreter)}


def _of(interpreter: Interpreter) -> dict[str, str]:
    return {"python": interpreter.version, "executable": str(interpreter.executable)}
