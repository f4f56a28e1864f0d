"""Whether the files of an environment are as they were installed: a probe shares them with uv's cache by hard links.

What a probe writes into such a file is written into every environment that has it. So all files that the RECORDs name,
and the compiled modules that environments share (`run.bytecode`), are looked at before the first path and after each:
their sizes, times and inodes.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asrcompat.run import bytecode

_State = tuple[int, int, int]


@dataclass(kw_only=True)
class Altered:
    """What was altered: `distributions` of which something was, and the files that were in place, which others share.

    `shared` holds their device and inode by their path in the environment.
    """

    distributions: set[str] = field(default_factory=set)
    shared: dict[str, tuple[int, int]] = field(default_factory=dict)


class Intact:
    """Remembers an environment's files, and tells which were altered since it was last asked."""

    def __init__(self, environment: Path) -> None:
        self._files = dict(_watched(environment))
        self._states = {file: _state(file) for file in self._files}
        self.found = Altered()
        """All that was altered so far."""
        self._environment = environment
        self.since: float | None = None
        """When the first of them was altered (seconds since 1970)."""

    def altered(self) -> tuple[str, ...]:
        """The files that were changed, replaced or removed since the last time, relative to where packages lie."""
        found = []
        for file, before in self._states.items():
            now = _state(file)
            if now == before:
                continue
            self._states[file] = now
            name, distribution = self._files[file]
            if distribution is not None:
                self.found.distributions.add(distribution)
            found.append(name if now is not None else f"{name} (removed)")
            if before is not None and now is not None and now[2] == before[2]:
                self.found.shared[os.path.relpath(file, self._environment)] = (os.stat(file).st_dev, now[2])  # noqa: PTH116
            when = _changed_at(file)
            self.since = when if self.since is None else min(self.since, when)
        return tuple(found)


def _changed_at(file: str) -> float:
    """When a file's inode was changed, or its folder's where it is gone: nobody sets that back."""
    for place in (Path(file), *Path(file).parents):
        try:
            return place.stat().st_ctime
        except OSError:
            continue
    return 0.0


def sharing(environments: Iterable[Path], shared: Mapping[str, tuple[int, int]]) -> Iterator[Path]:
    """The environments that have one of these files by a hard link."""
    for environment in environments:
        for file, inode in shared.items():
            try:
                status = (environment / file).stat()
            except OSError:
                continue
            if (status.st_dev, status.st_ino) == inode:
                yield environment
                break


def recorded(environment: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """Every line of every RECORD: the folder that it counts from, the distribution, and its fields."""
    for record in environment.glob("lib/python*/site-packages/*.dist-info/RECORD"):
        distribution = record.parent.name.removesuffix(".dist-info").rpartition("-")[0]
        with record.open(encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines):
                yield record.parent.parent, distribution, row


def _watched(environment: Path) -> Iterator[tuple[str, tuple[str, str | None]]]:
    """The files that others may share, each with its name, and the distribution that it was installed from."""
    for compiled, name in bytecode.shared(environment):
        yield str(compiled), (name, None)
    # after these: what a distribution brings is its own, compiled or not
    for folder, distribution, row in recorded(environment):
        if row:
            yield os.path.join(folder, row[0]), (row[0], distribution)  # noqa: PTH118 - 25,000 of them


def _state(file: str) -> _State | None:
    try:
        status = os.stat(file)  # noqa: PTH116 - 25,000 of them
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino
