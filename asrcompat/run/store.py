"""Result files: one per environment, written whole or not at all; foreign or torn ones are named and passed over."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from errno import EILSEQ
from pathlib import Path

from asrcompat.model import Cell, Device, Environment, EnvironmentResult, Weights
from asrcompat.result_files import dump
from asrcompat.run.hold import held, held_now
from asrcompat.run.same_lock import EARLIER, earlier_name, of_lock, read_result
from asrcompat.run.scrub import encodable
from asrcompat.run.secrets import without_secrets
from asrcompat.spec import request_id


def write_text(file: Path, text: str) -> None:
    """Write by temporary file, fsync and rename; one character that no file can hold does not lose the others."""
    write_bytes(file, encodable(text).encode())


def update_text(file: Path, text: str) -> None:
    """Write a text, unless the file holds it already: that a disk has it safely takes longer than to read it."""
    try:
        same = file.read_bytes() == encodable(text).encode()
    except OSError:
        same = False
    if not same:
        write_text(file, text)


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


def _without_outdone(newer: EnvironmentResult, older: EnvironmentResult) -> EnvironmentResult:
    """The newer result without those of its cells of which the older one holds a later run.

    What was known already stands in a result of today as it was run, perhaps weeks before.
    """
    there = {cell.key: cell for cell in older.cells}
    cells = (one for one in newer.cells if one.key not in there or not _began_later(there[one.key], one))
    return replace(newer, cells=tuple(cells))


def _began_later(one: Cell, other: Cell) -> bool:
    """Whether a cell was run after another; what did not get that far tells no time of its own."""
    if one.evidence is None or other.evidence is None:
        return False
    try:
        began, then = (datetime.fromisoformat(each.evidence.started) for each in (one, other) if each.evidence)
    except ValueError:  # a file from elsewhere may say anything
        return False
    return began.astimezone(UTC) > then.astimezone(UTC)


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
        self._write_locks(result.environment, lock, pylock)
        before = self.read(result.environment.id, warn=lambda _: None)
        if before is not None and _comparable(before, result):
            result = _joined(before, result)
        elif before is not None:
            self._lay_by(before)
        if result != before:
            write_text(self.file(result.environment.id), dump(result))
        return result

    def _write_locks(self, environment: Environment, lock: str | None, pylock: str | None) -> None:
        for name, text in ((environment.lock, lock), (environment.pylock, pylock)):
            if text is not None:
                update_text(self.folder / str(name), without_secrets(text))

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
        """The text of a lock by its name in a result; raises `OSError` where there is none, or it is no text."""
        file = self.folder / name
        try:
            return file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise OSError(EILSEQ, "it is no text", str(file)) from error

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

    def beside(self) -> list[str]:
        """Of what other weights the work folder has results."""
        folders = sorted(one for one in self.folder.parent.glob("*") if one != self.folder)
        return [one.name for one in folders if any(one.glob("*.json"))]

    def add(
        self,
        result: EnvironmentResult,
        *,
        lock: str | None,
        pylock: str | None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Take over a result from elsewhere: the newest of each cell; of two that do not belong together the newer.

        A session of that environment that runs here meanwhile is waited for: its cells are not to be lost.
        """
        name = result.environment.id
        with self.alone(request_id(name), tell):
            mine = self.read(name, warn=tell)
            if mine is not None and _comparable(mine, result):
                older, newer = sorted((mine, result), key=lambda one: one.generated_at)
                self._write_locks(result.environment, lock, pylock)
                write_text(self.file(name), dump(_joined(older, _without_outdone(newer, older))))
            elif mine is None or mine.generated_at <= result.generated_at:
                self.write(result, lock=lock, pylock=pylock)

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

    def earlier(self, identity: str, lock_sha256: str, *, warn: Callable[[str], None]) -> EnvironmentResult | None:
        """What was laid by of an environment with this lock, `read` likewise; no report is made of that."""
        return read_result(self._laid_by(identity, lock_sha256), warn=warn)

    def of_lock(self, lock_sha256: str, *, but: str, warn: Callable[[str], None]) -> Iterator[EnvironmentResult]:
        """What is kept or was laid by of environments with this lock, without the one of the id `but`."""
        return of_lock(self.folder, lock_sha256, but=but, warn=warn)

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
        return self.folder / EARLIER / identity / earlier_name(lock_sha256)

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
        return read_result(self.file(identity), warn=warn)
