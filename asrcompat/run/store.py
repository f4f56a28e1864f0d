"""Result files: one per environment, written whole or not at all; foreign or torn ones are named and passed over."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from asrcompat.model import Device, Environment, EnvironmentResult, Weights
from asrcompat.result_files import ResultError, dump, parse_environment_result
from asrcompat.run.hold import held, held_now
from asrcompat.run.scrub import encodable
from asrcompat.run.secrets import without_secrets


def write_text(file: Path, text: str) -> None:
    """Write by temporary file, fsync and rename; one character that no file can hold does not lose the others."""
    write_bytes(file, encodable(text).encode())


def write_bytes(file: Path, content: bytes) -> None:
    """Write by temporary file, fsync and rename."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        Path(part).chmod(0o644)
        Path(part).replace(file)
    except BaseException:  # an interrupt leaves nothing behind either
        Path(part).unlink(missing_ok=True)
        raise


_LAID_BY = 5  # earlier results of one environment


def _comparable(before: EnvironmentResult, after: EnvironmentResult) -> bool:
    return (
        before.environment.lock_sha256 == after.environment.lock_sha256
        and before.environment.code == after.environment.code is not None
        and {before.environment.installable, after.environment.installable} != {"ok", "failed"}
    )


def _joined(before: EnvironmentResult, after: EnvironmentResult) -> EnvironmentResult:
    """The newer result with those cells of the older one that it did not try."""
    tried = {cell.key for cell in after.cells}
    cells = (*after.cells, *(cell for cell in before.cells if cell.key not in tried))
    environment, known = after.environment, before.environment
    share = (len(cells) - len(after.cells)) / len(before.cells) if before.cells else 0.0
    if share and "probe" in known.seconds:  # what is kept took its time as well
        probe = environment.seconds.get("probe", 0.0) + share * known.seconds["probe"]
        environment = replace(environment, seconds={**known.seconds, **environment.seconds, "probe": round(probe, 1)})
    if environment.installable == "unknown":  # it could not be tried again: it is there or not, as it was
        environment = replace(environment, installable=known.installable, build=known.build)
    return replace(after, environment=environment, cells=cells)


class Store:
    """The results of one kind of weights in a work folder, by environment id; those without findings lie apart.

    A run without findings must not take another's place that had them: one environment may be in both.
    """

    def __init__(self, work: Path, weights: Weights, *, findings: bool = True) -> None:
        self.folder = work / "results" / (weights if findings else f"{weights}-without-findings")

    def file(self, identity: str) -> Path:
        """Where an environment's result lies."""
        return self.folder / f"{identity}.json"

    def write(self, result: EnvironmentResult, *, lock: str | None, pylock: str | None = None) -> EnvironmentResult:
        """Keep a result and its lock's texts, in place of an earlier one of the same environment; what is kept now.

        Cells that this run did not try are kept, where they were found with the same lock by the same code.
        """
        if lock is not None:
            write_text(self.folder / str(result.environment.lock), without_secrets(lock))
        if pylock is not None:
            write_text(self.folder / str(result.environment.pylock), without_secrets(pylock))
        before = self.read(result.environment.id, warn=lambda _: None)
        if before is not None and _comparable(before, result):
            result = _joined(before, result)
        elif before is not None:
            self._lay_by(before)
        write_text(self.file(result.environment.id), dump(result))
        return result

    @contextmanager
    def alone(self, name: str, tell: Callable[[str], None]) -> Iterator[None]:
        """Hold what is kept of one environment, waiting for another run's session of it."""
        with held(self._hold(name), wait=lambda: tell("waits for another session of this environment")):
            yield

    def unless_held(self, name: str) -> AbstractContextManager[bool]:
        """Hold what is kept of one environment where no session does; whether it could be held."""
        return held_now(self._hold(name))

    def _hold(self, name: str) -> Path:
        return self.folder / "held" / f"{name}.lock"

    def lock(self, environment: Environment) -> str:
        """The text of an environment's lock, as it was when its result was kept."""
        return self.text(str(environment.lock))

    def text(self, name: str) -> str:
        """The text of a lock by its name in a result."""
        return (self.folder / name).read_text(encoding="utf-8")

    def text_or_none(self, name: str) -> str | None:
        """The text of a lock; None where it is not there."""
        try:
            return self.text(name)
        except OSError:
            return None

    def every(self, *, warn: Callable[[str], None], but: Collection[str] = ()) -> list[EnvironmentResult]:
        """All results by their ids, without those of the ids in `but`."""
        names = sorted(file.stem for file in self.folder.glob("[!.]*.json"))
        found = (self.read(name, warn=warn) for name in names if name not in but)
        return [one for one in found if one is not None]

    def add(self, result: EnvironmentResult, *, lock: str | None, pylock: str | None) -> None:
        """Take over a result from elsewhere: of two that do not belong together the newer one stays."""
        mine = self.read(result.environment.id, warn=lambda _: None)
        if mine is None or mine.generated_at <= result.generated_at:
            self.write(result, lock=lock, pylock=pylock)
        elif _comparable(result, mine):
            write_text(self.file(mine.environment.id), dump(_joined(result, mine)))

    def others(self, known: Collection[str], *, warn: Callable[[str], None]) -> list[EnvironmentResult]:
        """The results that are kept of environments other than those `known`, with their locks."""
        return [one for one in self.every(warn=warn, but=known) if self._has_lock(one.environment)]

    def _has_lock(self, environment: Environment) -> bool:
        return environment.lock is not None and (self.folder / environment.lock).is_file()

    def remove(self, identity: str) -> None:
        """Forget a result; what is known by it is laid by."""
        before = self.read(identity, warn=lambda _: None)
        if before is not None:
            self._lay_by(before)
        self.file(identity).unlink(missing_ok=True)

    def earlier(self, identity: str, lock_sha256: str) -> EnvironmentResult | None:
        """What was laid by of an environment with this lock; no report is made of that."""
        try:
            file = self._laid_by(identity, lock_sha256)
            return parse_environment_result(file.read_bytes(), source=str(file))
        except (OSError, ResultError):
            return None

    def _lay_by(self, result: EnvironmentResult) -> None:
        """Keep what a newer result takes the place of: the index may go back to that lock, or be down for an hour."""
        lock = result.environment.lock_sha256
        if lock is None or all(cell.content is None for cell in result.cells):
            return
        write_text(self._laid_by(result.environment.id, lock), dump(result))
        every = self._laid_by(result.environment.id, lock).parent.glob("[!.]*.json")
        for file in sorted(every, key=lambda one: one.stat().st_mtime)[:-_LAID_BY]:
            file.unlink(missing_ok=True)

    def _laid_by(self, identity: str, lock_sha256: str) -> Path:
        return self.folder / "earlier" / identity / f"{lock_sha256[:16]}.json"

    def drop(self, identity: str, gone: Collection[tuple[str, Device]]) -> None:
        """Forget some cells of a result, by path and device: a killed run must not leave the last one's as its own."""
        kept = self.read(identity, warn=lambda _: None)
        left = () if kept is None else tuple(cell for cell in kept.cells if (cell.path, cell.device) not in gone)
        if kept is None or not left:
            self.remove(identity)
        elif len(left) < len(kept.cells):
            write_text(self.file(identity), dump(replace(kept, cells=left)))

    def read(self, identity: str, *, warn: Callable[[str], None]) -> EnvironmentResult | None:
        """The result of an environment; None, with a warning where the file is torn or foreign, if there is none."""
        file = self.file(identity)
        try:
            return parse_environment_result(file.read_bytes(), source=str(file))
        except FileNotFoundError:
            return None
        except (ResultError, OSError) as error:
            warn(f"passed over: {error}")
            return None
