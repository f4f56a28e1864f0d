"""The next torch stacks are fetched while environments of this one are probed: one takes the network, the other cores.

What is fetched is in uv's cache then, where the session that needs it finds it. Two installers would fetch the same
file twice, so a session waits where its stack is being fetched. What could not be fetched is told and held against
nothing: the session asks for it again, and says what becomes of it.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from asrcompat.run import process, uv
from asrcompat.run.hold import held, held_now
from asrcompat.run.install import LISTED, install
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock

_LOCK = ".lock"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an environment will be installed from, and with which of the installer's arguments."""

    name: str
    lock: Lock
    interpreter: Interpreter
    arguments: tuple[str, ...]


@contextmanager
def fetching(wanted: Sequence[Wanted], *, work: Path, seconds: float, tell: Callable[[str], None]) -> Iterator[None]:
    """Have these fetched, one after the other, each for so many seconds, while what is inside of the context runs.

    What another run is fetching is left to it; what a killed one left behind is removed.
    """
    _tidy(work)
    left = threading.Event()
    places = {one.name: _place(work, one.lock, one.interpreter) for one in wanted}

    def fetch() -> None:
        for one in wanted:
            if left.is_set():
                return
            with held_now(places[one.name] / _LOCK) as mine:
                if not mine:
                    continue
                tell(f"{one.name}: is fetched ahead; if none is cached, {one.lock.download}")
                failure = _fetched(one, places[one.name] / "env", work, seconds)
                shutil.rmtree(places[one.name], ignore_errors=True)
                if failure is None:
                    tell(f"{one.name}: was fetched ahead")
                if failure is not None and not left.is_set():
                    tell(f"{one.name}: could not be fetched ahead: {failure.message.partition(chr(10))[0]}")
                    if failure.kind == "error":
                        return  # a full disk, an index that is down: no better for the next one

    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        left.set()
        while thread.is_alive():
            process.end_all(having={str(place / "env" / LISTED) for place in places.values()})
            thread.join(0.2)


def wait_for(lock: Lock, interpreter: Interpreter, *, work: Path, tell: Callable[[str], None]) -> None:
    """Wait where the torch stack of this lock is being fetched."""
    place = _place(work, lock, interpreter)
    if place.exists():
        with held(place / _LOCK, wait=lambda: tell("waits for its torch stack, which is being fetched")):
            shutil.rmtree(place, ignore_errors=True)


def _fetched(wanted: Wanted, folder: Path, work: Path, seconds: float) -> uv.Failure | None:
    lock, arguments = wanted.lock, wanted.arguments
    try:
        return install(folder, lock, interpreter=wanted.interpreter, arguments=arguments, work=work, seconds=seconds)
    except OSError as error:
        return uv.Failure(kind="error", message=str(error))


def _tidy(work: Path) -> None:
    """Remove what a run that was killed had begun to fetch."""
    for place in (work / "ahead").glob("*/"):
        with held_now(place / _LOCK) as mine:
            if mine:
                shutil.rmtree(place, ignore_errors=True)


def _place(work: Path, lock: Lock, interpreter: Interpreter) -> Path:
    """Where a stack is fetched: one of a torch and a Python, whatever goes with them."""
    minor = ".".join(interpreter.version.split(".")[:2])
    return work / "ahead" / f"py{minor}-torch{lock.versions.get('torch', 'none')}"
