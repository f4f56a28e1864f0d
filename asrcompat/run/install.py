"""Install a lock into a folder with uv, from its cache or the index, and look whether all of it came."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from asrcompat.run import uv
from asrcompat.run.breaker import Breaker
from asrcompat.run.intact import recorded
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock

LISTED = "requirements.txt"  # in an environment: what it was installed from
_RECORD_FIELDS = 3  # file, hash, size
_ANY_SIZE = ""


def install(
    folder: Path,
    lock: Lock,
    *,
    interpreter: Interpreter,
    arguments: tuple[str, ...],
    work: Path,
    seconds: float,
    anew: bool = False,
) -> uv.Failure | None:
    """Make an environment of a lock in `folder`, in place of what is there; what went wrong, if anything.

    The index is left alone where the lock was installed from it before, and where it is down (`run.breaker`): of a
    lock, with its hashes, it can say nothing new, and asked about each of its files it takes longer to answer than the
    rest takes. For a first time it has to be asked: what is needed to build a source distribution may be there in a
    newer release than in uv's cache. So it has to be where that is the question, `anew`.
    """
    before = work / "installed" / f"{lock.sha256[:16]}-{interpreter.version}"

    def cached() -> uv.Failure | None:
        return _sync(folder, lock, interpreter=interpreter, arguments=(*arguments, "--offline"), seconds=seconds)

    def asked() -> uv.Failure | None:
        failure = _sync(folder, lock, interpreter=interpreter, arguments=arguments, seconds=seconds)
        if failure is None:
            before.parent.mkdir(parents=True, exist_ok=True)
            before.touch()
        return failure

    if before.exists() and not anew:
        failure = cached()
        if failure is None or not failure.uncached:
            return failure
    answer: uv.Failure | None = Breaker(work).ask(asked, instead=None if anew else cached)
    return answer


def python_of(environment: Path) -> Path:
    """The interpreter of an environment."""
    return environment / "bin" / "python"


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


def _sync(
    folder: Path, lock: Lock, *, interpreter: Interpreter, arguments: tuple[str, ...], seconds: float
) -> uv.Failure | None:
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
