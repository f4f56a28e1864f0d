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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from asrcompat.run import bytecode, uv
from asrcompat.run.breaker import Breaker
from asrcompat.run.intact import Intact, recorded, sharing
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock, versions_of
from asrcompat.run.store import write_text

_MARK = "asrcompat-complete.json"
LISTED = "requirements.txt"  # in an environment: what it was installed from
_MOST_ALIKE = 3  # environments whose compiled modules are looked through
_RECORD_FIELDS = 3  # file, hash, size
_ANY_SIZE = ""


@dataclass(frozen=True, kw_only=True)
class Built:
    """An environment that is complete: its interpreter, whether it was there before, and how long this took."""

    python: Path
    reused: bool
    seconds: float


def build(
    identity: str, lock: Lock, *, interpreter: Interpreter, arguments: tuple[str, ...], work: Path, seconds: float
) -> Built | uv.Failure:
    """The environment of this lock under ``<work>/envs/<identity>/``, built if it is not there.

    Older environments of the same identity (another lock or interpreter) are removed: call it inside `alone`.
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
    failure = _install(aside, lock, interpreter=interpreter, arguments=arguments, work=work, seconds=seconds)
    if failure is not None:
        shutil.rmtree(aside, ignore_errors=True)
        return failure
    bytecode.share(aside, python_of(aside), _alike(work / "envs", aside, lock, interpreter))
    aside.rename(target)
    write_text(target / _MARK, json.dumps(_mark(lock, interpreter)))
    return Built(python=python_of(target), reused=False, seconds=time.monotonic() - started)


def give_up(environment: Path, intact: Intact, tell: Callable[[str], None]) -> None:
    """Remove an environment of which files were altered, and what was from uv's cache, which shares them.

    Others that share them too are built again before they are used the next time.
    """
    homes = environment.parents[1]
    for other in sharing((one for one in homes.glob("*/*/") if one != environment), intact.shared):
        tell(f"{other.parent.name} shares what was altered, and will be built again")
        (other / _MARK).unlink(missing_ok=True)
    shutil.rmtree(environment, ignore_errors=True)
    if not (names := sorted(intact.distributions)):
        return  # without names uv would take all
    done = uv.command(["cache", "clean", "--quiet", *names], seconds=uv.LOCK_SECONDS)
    if (failed := uv.failure(done)) is not None:
        tell(f"uv's cache keeps {', '.join(names)}, altered as they are: {failed.message}")


def python_of(environment: Path) -> Path:
    """The interpreter of an environment."""
    return environment / "bin" / "python"


def is_complete(environment: Path, lock: Lock, interpreter: Interpreter) -> bool:
    """Whether the environment carries the mark of this lock and interpreter, and every file it should have."""
    try:
        mark = json.loads((environment / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(mark == _mark(lock, interpreter)) and next(damage(environment), None) is None


def damage(environment: Path) -> Iterator[str]:
    """What is missing, or of another size than its distribution's RECORD says, as ``file: what``."""
    for packages, _, row in recorded(environment):
        if len(row) < _RECORD_FIELDS or row[2] == _ANY_SIZE:
            continue
        try:
            size = (packages / row[0]).stat().st_size
        except OSError:
            yield f"{row[0]}: missing"
            continue
        if size != int(row[2]):
            yield f"{row[0]}: {size} bytes in place of {row[2]}"


def install(
    folder: Path, lock: Lock, *, interpreter: Interpreter, arguments: tuple[str, ...], seconds: float
) -> uv.Failure | None:
    """Make an environment of the lock in `folder`, in place of what is there; what went wrong, if anything."""
    shutil.rmtree(folder, ignore_errors=True)
    # relocatable: the folder is renamed once it is whole
    made = uv.command(["venv", "--quiet", "--relocatable", "--python", interpreter.executable, folder], seconds=120)
    if (failure := uv.failure(made)) is not None:
        return uv.Failure(kind="error", message=failure.message)
    # not from the pylock.toml it was resolved to: uv fetches every file of one again, whatever its cache holds
    listed = folder / LISTED
    listed.write_text(lock.requirements(), encoding="utf-8")
    command: list[str | Path] = ["pip", "sync", "--quiet", "--require-hashes", "--python", python_of(folder)]
    finished = uv.command([*command, *arguments, listed], seconds=seconds)
    if (failure := uv.failure(finished)) is not None:
        return failure
    broken = list(damage(folder))
    if broken:
        message = f"uv said that it had installed, but {len(broken)} files are not as recorded; first: {broken[0]}"
        return uv.Failure(kind="error", message=message)
    return None


def _install(
    folder: Path, lock: Lock, *, interpreter: Interpreter, arguments: tuple[str, ...], work: Path, seconds: float
) -> uv.Failure | None:
    """Install a lock without the index where it was installed from there before, and else with it, unless it is down.

    Of a lock, with its hashes, an index can say nothing new; asked all the same, about each of its files, it takes
    longer to answer than the rest takes. For a first time it has to be asked: what is needed to build a source
    distribution may be there in a newer release than in uv's cache.
    """
    before = work / "installed" / f"{lock.sha256[:16]}-{interpreter.version}"

    def ask(*more: str) -> uv.Failure | None:
        return install(folder, lock, interpreter=interpreter, arguments=(*arguments, *more), seconds=seconds)

    if before.exists() and ask("--offline") is None:
        return None
    failure: uv.Failure | None = Breaker(work).ask(ask, instead=lambda: ask("--offline"))
    if failure is None:
        before.parent.mkdir(parents=True, exist_ok=True)
        before.touch()
    return failure


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
