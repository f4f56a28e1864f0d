"""One environment on another machine: what a worker is given, what it does with that, and what it gives back."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import time

from asrcompat.options import parse
from asrcompat.plan.document import plan_file
from asrcompat.plan.kept import Carried, unpack
from asrcompat.reporting import identities
from asrcompat.result_files import dump
from asrcompat.run import schedule
from asrcompat.run.progress import Progress
from asrcompat.run.schedule import WORK_VARIABLE
from asrcompat.run.store import write_text

CHECKOUT_VARIABLE = "ASRCOMPAT_CHECKOUT"
PACKAGE = Path(__file__).parents[1]

_stopped: set[str] = set()  # the names of runs


@dataclass(frozen=True, kw_only=True)
class Task:
    """The session `name` of a run with these choices, for at most so many seconds, by a checkout of this digest.

    `plan` is the text of the covering profile's plan that all of a run have, as of a day or of today; `resolved` what
    its environment was resolved to (`plan.kept`), which a machine of another kind does for itself, and `anew` where
    that was asked for. All of it is plain: a worker of another checkout has to understand it far enough to say so.
    """

    run_name: str
    name: str
    choices: tuple[str, ...]
    seconds: float
    checkout: str
    profile: str
    plan: str | None = None
    as_of: str | None = None
    resolved: Carried = field(default_factory=dict)
    anew: bool = False


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a session ended: its exit code, the texts of its result and locks, the end of what it printed.

    `refused`: why this machine does not run sessions of this run at all.
    """

    code: int | None = None
    result: str | None = None
    lock: str | None = None
    pylock: str | None = None
    tail: str = ""
    refused: str = ""


def checkout_digest(root: Path) -> str:
    """The content of what a session is made of: the package, matrix.toml and noxfile.py; fixtures tell by results."""
    package = root / PACKAGE.name  # which a session finds first, as it begins in that folder
    files = sorted((package if package.is_dir() else PACKAGE).rglob("*.py"))
    files += [root / "matrix.toml", root / "noxfile.py"]
    return sha256(b"".join(sha256(file.read_bytes()).digest() for file in files)).hexdigest()[:16]


def stop(run: str) -> None:
    """End what a run has on this machine: also a session that is only about to begin."""
    _stopped.add(run)


def run_task(task: Task, tell: Callable[[str], None]) -> Done:
    """Run one session in this machine's checkout and work folder.

    They are ``$ASRCOMPAT_CHECKOUT``, else what the package is installed from, and ``$ASRCOMPAT_WORK``, else
    ``.asrcompat`` in that. Raises `schedule.StoppedError` where its run is stopped.
    """
    root = Path(os.environ.get(CHECKOUT_VARIABLE) or PACKAGE.parent)
    if not (root / "noxfile.py").is_file():
        return Done(refused=f"asrcompat is installed from no checkout there; let ${CHECKOUT_VARIABLE} name one")
    if (mine := checkout_digest(root)) != task.checkout:
        return Done(refused=f"its checkout is another ({mine}, not {task.checkout}): bring it to the same commit")
    work = Path(os.environ.get(WORK_VARIABLE) or root / ".asrcompat").resolve()
    if task.plan is not None:
        write_text(plan_file(work, task.profile, task.as_of), task.plan)
    choices = [*task.choices, "--matrix", str(root / "matrix.toml"), "--work", str(work)]
    if task.anew:  # what lies here from before does not count
        choices += ["--resolved-since", str(int(time()))]
    unpack(task.resolved, work, anew=task.anew)
    codes: dict[str, int] = {}
    logs = work / "logs"
    began = datetime.now(UTC)
    schedule.run_sessions(
        [task.name],
        root=root,
        options=choices,
        jobs=1,
        seconds=task.seconds,
        logs=logs,
        progress=_Relayed(tell),
        after=codes.__setitem__,
        as_of=task.as_of,
        stopped=lambda: task.run_name in _stopped,
    )
    return _done(task, choices, codes.get(task.name), schedule.tail(logs, task.name), began, tell)


def _done(
    task: Task, choices: list[str], ended: int | None, tail: str, began: datetime, tell: Callable[[str], None]
) -> Done:
    _, options, _ = parse(["session", task.name, *choices])
    store = options.store
    known = (*options.spec.environments(options.chosen_profile), *options.spec.all_environments())
    request = next(one.dated(task.as_of) for one in known if one.id == task.name)
    found = [one for name in identities(request) if (one := store.read(name, warn=tell)) is not None]
    if options.run_again:  # then what lies there from earlier runs is not what was asked for
        found = [one for one in found if datetime.fromisoformat(one.generated_at) >= began.replace(microsecond=0)]
    if not found:
        return Done(code=ended, tail=tail)
    result = max(found, key=lambda one: one.generated_at)
    lock, pylock = (
        None if name is None else store.text_or_none(name)
        for name in (result.environment.lock, result.environment.pylock)
    )
    return Done(code=ended, result=dump(result), lock=lock, pylock=pylock, tail=tail)


class _Relayed(Progress):
    """Progress that goes to whoever gave the task."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__()
        self._to = tell

    def tell(self, text: str) -> None:
        self._to(text)
