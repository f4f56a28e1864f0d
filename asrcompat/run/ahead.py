"""The next torch stacks are fetched while environments of this one are probed: one takes the network, the other cores.

What is fetched is in uv's cache then, where the session that needs it finds it. What could not be fetched is not told
as anybody's failure: the session asks for it again, and says what became of it.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from asrcompat.run import process
from asrcompat.run.environment import LISTED, install
from asrcompat.run.hold import alone
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an environment will be installed from, and with which of the installer's arguments."""

    name: str
    lock: Lock
    interpreter: Interpreter
    arguments: tuple[str, ...]


@contextmanager
def fetching(wanted: Sequence[Wanted], *, work: Path, seconds: float, tell: Callable[[str], None]) -> Iterator[None]:
    """Have these fetched, one after the other, each for so many seconds, while what is inside of the context runs."""
    left = threading.Event()

    def fetch() -> None:
        for one in wanted:
            if left.is_set():
                return
            aside = _aside(work, one)
            with alone(aside, lambda _: None):
                tell(f"{one.name}: fetched ahead: {one.lock.download}, if none is cached")
                install(aside, one.lock, interpreter=one.interpreter, arguments=one.arguments, seconds=seconds)
                shutil.rmtree(aside, ignore_errors=True)

    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        left.set()
        while thread.is_alive():
            process.end_all(having={str(_aside(work, one) / LISTED) for one in wanted})
            thread.join(0.2)


def _aside(work: Path, wanted: Wanted) -> Path:
    return work / "ahead" / wanted.lock.sha256[:16]
