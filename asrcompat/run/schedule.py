"""Several environments at once: each is a nox session in a process group of its own."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Literal

import psutil

from asrcompat.errors import ExitCode
from asrcompat.run import cores, host, process
from asrcompat.run.progress import RELAY_VARIABLE, Progress, plain
from asrcompat.run.secrets import without_secrets

# by these noxfile.py finds the plan whose environments have sessions: the work folder, and the day
WORK_VARIABLE, DAY_VARIABLE = "ASRCOMPAT_WORK", "ASRCOMPAT_AS_OF"
_TAIL_LINES = 15
_GRACE_SECONDS = 20.0  # more than a session itself gives what it started


def parallel(wanted: int | Literal["auto"], *, environments: int, memory_gb: float) -> int:
    """How many environments run at once: as asked, else as many as cores and free memory bear."""
    if wanted != "auto":
        return min(wanted, max(1, environments))
    bearable = int(psutil.virtual_memory().available / 1e9 // memory_gb)
    return max(1, min(host.usable_cores(), bearable, environments))


def run_sessions(
    names: Sequence[str],
    *,
    root: Path,
    options: Sequence[str],
    jobs: int,
    seconds: float,
    logs: Path,
    progress: Progress,
    after: Callable[[str, int], None],
    until: float | None = None,
    as_of: str | None = None,
    share: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> list[str]:
    """Run the nox session of every name, `jobs` at a time; `after` gets each name and exit code as it ends.

    What a session prints goes to ``<logs>/<name>.session.log``; its progress is relayed. One whose log cannot be
    written (a full disk) is ended and has code 3, and the others go on. Nothing is begun after `until`
    (`time.monotonic`): what was not is given back. Environments of a plan `as_of` a day are those of that plan.
    Where they `share` the cores, the threads of their probes become more as sessions end. Raises `StoppedError` once it
    is `stopped`: what runs is ended, and nothing more begins.
    """
    logs.mkdir(parents=True, exist_ok=True)
    left: list[str] = []
    with cores.shared(logs.parent) as threads, ThreadPoolExecutor(max_workers=jobs) as pool:
        variables = {RELAY_VARIABLE: "1", WORK_VARIABLE: str(logs.parent), DAY_VARIABLE: as_of or ""}
        variables[cores.FILE_VARIABLE] = str(threads) if share else ""
        running: dict[Future[int | None], str] = {}
        ended = threading.Event()

        def is_over() -> bool:
            return ended.is_set() or stopped()

        told = 0
        try:
            for name in names:
                future = pool.submit(_session, name, root, options, seconds, logs, progress, until, variables, is_over)
                running[future] = name
            while running:
                if share and told != (told := min(jobs, len(running))):
                    cores.share(threads, sessions=told)
                done, _ = wait(running, timeout=1, return_when=FIRST_COMPLETED)
                for future in done:
                    name, code = running.pop(future), future.result()
                    if code is None:
                        left.append(name)
                    else:
                        after(name, code)
        except BaseException:
            ended.set()
            for future in running:
                future.cancel()
            raise
    return left


class StoppedError(Exception):
    """The run was stopped: nothing more begins, and what runs is ended."""


def _session(
    name: str,
    root: Path,
    options: Sequence[str],
    seconds: float,
    logs: Path,
    progress: Progress,
    until: float | None,
    variables: Mapping[str, str],
    is_over: Callable[[], bool],
) -> int | None:
    """The exit code of one session; None where it was too late to begin it. Raises `StoppedError`."""
    if until is not None and time.monotonic() > until:
        return None

    def poll() -> None:
        if is_over():
            raise StoppedError

    poll()
    log = logs / f"{name}.session.log"
    command: list[str | Path] = [sys.executable, "-m", "nox", "--noxfile", root / "noxfile.py", "--session", name]
    command += ["--", *options]
    try:
        with log.open("w", encoding="utf-8") as file:

            def take(line: str) -> None:
                file.write(without_secrets(line) + "\n")
                progress.relay(line)

            env = {**os.environ, **variables}
            # who polls for it, and is not told, ends a session as well that was just about to begin
            ended = process.run(
                command, env=env, cwd=root, seconds=seconds, on_line=take, poll=poll, grace=_GRACE_SECONDS
            )
    except BrokenPipeError:  # who reads what the run prints wants no more of it
        raise
    except OSError as error:
        progress.tell(f"{name}: the session was ended, since it or its log {log} met: {error}")
        return ExitCode.UNFINISHED
    if ended.timed_out:
        progress.tell(f"{name}: the session did not end within {seconds:.0f} s and was ended")
    return ended.code


def tail(logs: Path, name: str) -> str:
    """The last lines of a session's output."""
    try:
        text = (logs / f"{name}.session.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(plain(text).rstrip("\n").split("\n")[-_TAIL_LINES:])
