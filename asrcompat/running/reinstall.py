"""Install published locks again, a few at a time and in rotation: what people were told to install must install.

Files vanish from indexes, and what was built once may not build any more. Nothing is probed: the lock is what a probe
was of already.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from asrcompat.errors import ExitCode, HarnessError
from asrcompat.model import Environment
from asrcompat.options import Options
from asrcompat.result_files import ResultError, parse_results
from asrcompat.run import uv
from asrcompat.run.environment import alone, build
from asrcompat.run.interpreters import NoInterpreter, find
from asrcompat.run.lock import Lock
from asrcompat.run.progress import Progress
from asrcompat.settings import sources_for

_T = TypeVar("_T")
_NAME = "reinstalled"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A lock that a report names, and the environment that it is of."""

    environment: Environment
    file: Path


def reinstall(options: Options) -> int:
    """Install some of the profile's published locks.

    0: all do install; 1: one does not any more; 3: one could not be tried, or there is none to try.
    """
    progress = Progress(quiet=options.quiet)
    every = published(options.reports_folder, warn=progress.tell)
    if not every:
        message = f"{options.reports_folder / 'results.json'} names no lock: run `nox -s matrix` first"
        raise HarnessError(message)
    chosen = in_turn(every, options.count, day=datetime.now(UTC).toordinal())
    progress.tell(f"{len(chosen)} of {len(every)} published locks")
    codes = [_again(one, options, progress.about(one.environment.id)) for one in chosen]
    return max(codes, key=[ExitCode.OK, ExitCode.UNFINISHED, ExitCode.WORSE].index)


def published(folder: Path, *, warn: Callable[[str], None]) -> list[Published]:
    """The locks of environments that were installed, as the report in this folder names them."""
    try:
        results = parse_results((folder / "results.json").read_bytes(), source="results.json")
    except FileNotFoundError:
        return []
    except (OSError, ResultError) as error:
        warn(f"passed over: {error}")
        return []
    return [
        Published(environment=one, file=folder / one.pylock)
        for one in results.environments
        if one.installable == "ok" and one.pylock is not None
    ]


def in_turn(every: Sequence[_T], count: int, *, day: int) -> list[_T]:
    """As many as `count` of them, other ones every day until all had their turn."""
    start = day * count % len(every)
    return [every[(start + n) % len(every)] for n in range(min(count, len(every)))]


def _again(one: Published, options: Options, tell: Callable[[str], None]) -> ExitCode:
    interpreter = find(".".join(one.environment.python.split(".")[:2]))
    if isinstance(interpreter, NoInterpreter):
        tell(interpreter.message)
        return ExitCode.UNFINISHED
    try:
        lock = Lock(one.file.read_text(encoding="utf-8"))
    except OSError as error:
        tell(f"{one.file.name} cannot be read: {error.strerror}")
        return ExitCode.UNFINISHED
    home = options.work_folder / _NAME / "envs" / one.environment.id
    with alone(home, tell):
        built = build(
            one.environment.id,
            lock,
            interpreter=interpreter,
            arguments=sources_for(options).install_arguments(one.environment.as_of),
            work=options.work_folder / _NAME,
            seconds=options.spec.limits.install_seconds,
        )
    shutil.rmtree(home, ignore_errors=True)
    if not isinstance(built, uv.Failure):
        tell(f"its lock installs ({built.seconds:.0f} s)")
        return ExitCode.OK
    tell(f"its lock does not install ({built.kind}): {built.message.strip()}")
    return ExitCode.UNFINISHED if built.kind == "error" else ExitCode.WORSE
