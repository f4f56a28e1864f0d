"""Whether a source distribution builds on a Python here, found out by building it, once, before anything is installed.

The installer keeps what was built, and an environment that needs it takes it from there. What does not build is known
for as long as a lock is young. A build that fails for want of the network, a compiler or a header says nothing about
the package (`uv.failure`): it cannot be had *here*.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from asrcompat.run import uv
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.progress import Progress
from asrcompat.run.store import write_text


@dataclass(frozen=True, kw_only=True)
class Builds:
    """Builds, from the places that `arguments` of an installation name; what is found is kept under ``<work>/builds``.

    Without `cached` everything is fetched and built anew, and nothing is kept.
    """

    work: Path
    arguments: tuple[str, ...]
    seconds: float
    hours: float
    fresh: bool = False
    cached: bool = True
    _one_at_a_time: dict[str, threading.Lock] = field(default_factory=dict)
    _seen: dict[str, uv.Failure | None] = field(default_factory=dict)

    def failure(self, distribution: str, python: Interpreter) -> uv.Failure | None:
        """Why ``name==version`` does not build on this interpreter; None where it does. Each is built once."""
        key = sha256(json.dumps([distribution, str(python.executable), self.arguments]).encode()).hexdigest()[:24]
        with self._one_at_a_time.setdefault(key, threading.Lock()):
            if key not in self._seen:
                self._seen[key] = self._found_out(distribution, python, self.work / "builds" / f"{key}.json")
            return self._seen[key]

    def _found_out(self, distribution: str, python: Interpreter, file: Path) -> uv.Failure | None:
        kept = self._kept(file)
        if kept is not None:
            return kept.failure
        failure = self._build(distribution, python)
        if self.cached and (failure is None or failure.kind == "build"):  # what may be better the next time is not kept
            told = None if failure is None else {"kind": failure.kind, "message": failure.message}
            write_text(file, json.dumps({"distribution": distribution, "python": python.version, "failure": told}))
        return failure

    def _kept(self, file: Path) -> _Kept | None:
        try:
            age = (time.time() - file.stat().st_mtime) / 3600
            told = json.loads(file.read_text(encoding="utf-8"))["failure"]
            failure = None if told is None else uv.Failure(**told)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError) as error:
            Progress().tell(f"passed over: {file}: it tells of no build ({error})")
            return None
        return None if self.fresh or not self.cached or age > self.hours else _Kept(failure=failure)

    def _build(self, distribution: str, python: Interpreter) -> uv.Failure | None:
        with tempfile.TemporaryDirectory(prefix="asrcompat-build-") as folder:
            command: list[str | Path] = ["pip", "install", "--quiet", "--no-deps", "--python", python.executable]
            command += ["--target", folder, *([] if self.cached else ["--no-cache"]), *self.arguments, distribution]
            return uv.failure(uv.command(command, seconds=self.seconds))


@dataclass(frozen=True, kw_only=True)
class _Kept:
    failure: uv.Failure | None
