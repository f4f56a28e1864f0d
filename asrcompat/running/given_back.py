"""What a worker gave back, taken into this machine's results."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from asrcompat.model import EnvironmentResult
from asrcompat.result_files import ResultError, parse_environment_result
from asrcompat.run.session import Locked
from asrcompat.run.store import Store
from asrcompat.running.remote import Done


def keep(
    done: Done,
    name: str,
    *,
    kept_as: Sequence[str],
    worker: str,
    ours: Locked | None,
    code: str,
    store: Store,
    tell: Callable[[str], None],
) -> None:
    """Keep the result of an environment; what is torn, or of other code than `code`, is told instead.

    `kept_as` are the names of its results (`reporting.identities`); `ours` is its lock, None where it was not
    resolved here: another lock than that is told too.
    """
    if done.result is None:
        return
    try:
        result = parse_environment_result(done.result, source=f"{name} as a worker gave it")
    except ResultError as error:
        tell(f"{name}: {error}")
        return
    if not (result.environment.code or "").startswith(code):  # not of this run
        tell(f"{name}: what came back is of other code, and left out")
        return
    if ours is None:
        make_way(store, kept_as, result, warn=tell)
    elif result.environment.lock_sha256 != ours.lock.sha256:
        tell(f"{name}: {worker} resolved {_difference(result, ours)}")
    store.add(result, lock=done.lock, pylock=done.pylock, tell=tell)


def _difference(result: EnvironmentResult, ours: Locked) -> str:
    what = "another lock than this machine" if result.environment.lock_sha256 else "no lock, and this machine one"
    python, mine = result.environment.python, ours.interpreter.version
    return what if python == mine else f"{what}: its Python is {python}, and here it is {mine}"


def make_way(store: Store, kept_as: Sequence[str], result: EnvironmentResult, *, warn: Callable[[str], None]) -> None:
    """Lay by what is kept under these names of another build, lock or code than a worker's result, and may be younger.

    Where nothing was locked here, nothing was forgotten before it ran.
    """
    told = result.environment
    for name in kept_as:
        there = store.read(name, warn=warn)
        if there is None:
            continue
        one = there.environment
        if (one.id, one.lock_sha256, one.code) != (told.id, told.lock_sha256, told.code):
            store.remove(name)
