"""Install published locks again, a few at a time and in rotation: what people were told to install must install.

What was built once may not build any more, and files vanish from indexes, which cannot be told from an index in trouble
(exit code 3). Nothing is probed: the lock is what a probe was of already.
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
from asrcompat.plan.builds import Builds
from asrcompat.result_files import ResultError, parse_results
from asrcompat.run import uv
from asrcompat.run.environment import build
from asrcompat.run.hold import alone
from asrcompat.run.interpreters import Interpreter, NoInterpreter, find
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
        lock = Lock.read(one.file)
    except (OSError, ValueError) as error:
        tell(f"{one.file.name} cannot be read: {error}")
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
            anew=True,
        )
    shutil.rmtree(home, ignore_errors=True)
    failed = built if isinstance(built, uv.Failure) else _unbuilt(lock, interpreter, one, options)
    if failed is None:
        tell("its lock installs")
        return ExitCode.OK
    tell(f"its lock does not install ({failed.kind}): {failed.message.strip()}")
    return ExitCode.UNFINISHED if failed.kind == "error" else ExitCode.WORSE


def _unbuilt(lock: Lock, interpreter: Interpreter, one: Published, options: Options) -> uv.Failure | None:
    """The first of what has to be built that does not build any more: the installer's cache holds an older build."""
    builds = Builds(
        work=options.work_folder,
        arguments=sources_for(options).install_arguments(one.environment.as_of),
        seconds=options.spec.limits.install_seconds,
        hours=0,
        cached=False,
    )
    failures = (builds.failure(distribution, interpreter) for distribution in lock.sources)
    return next((failure for failure in failures if failure is not None), None)
