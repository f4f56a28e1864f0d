"""An environment as results tell of it: its versions, what came of each path, and where its lock is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.version import InvalidVersion, Version

from asrcompat.advice.question import AXES, OTHER_S3PRL
from asrcompat.explain.when import in_words
from asrcompat.model import Cell, Environment, Outcome, Remedy, Results
from asrcompat.printable import shell_line


def parsed(version: str) -> Version:
    """A version to sort by; what is none, as a package may say anything of itself, is the oldest."""
    try:
        return Version(version)
    except InvalidVersion:
        return Version("0")


@dataclass(frozen=True, kw_only=True)
class Cure:
    """A verified remedy, the `number`-th of the report in `folder`; `seen` when that was, if earlier."""

    remedy: Remedy
    number: int
    folder: str
    seen: str

    @property
    def page(self) -> str:
        """Where that report tells it, relative to the checkout."""
        return f"{self.folder}/compatibility.md#remedy-{self.number}"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """An environment that was run; `folder` is where its report lies, relative to the checkout, and its lock in it.

    `cells` are by path and device; `locked` holds the version of everything in the lock, as far as that was read;
    `titles` name failures, `cures` are what was seen to cure a cell.
    """

    environment: Environment
    cells: Mapping[tuple[str, str], Cell]
    weights: str
    folder: str
    locked: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    cures: Mapping[tuple[str, str], Cure] = field(default_factory=dict)

    @property
    def lock(self) -> str:
        """The lock's file, relative to the checkout."""
        return f"{self.folder}/{self.environment.lock}"

    @property
    def python(self) -> str:
        """The interpreter's version as people ask for it, ``3.10``."""
        return ".".join(self.environment.python.split(".")[:2])

    def install(self, lock: str) -> str:
        """The commands that install it from its lock, as this project did; `lock` is how the file is called there."""
        # a lock of two indexes: its header says so
        two = ("--index-strategy", "unsafe-best-match") if ", torch from " in (self.environment.index or "") else ()
        sync = shell_line("uv", "pip", "sync", "--python", "env/bin/python", "--require-hashes", *two, lock)
        return f"{shell_line('uv', 'venv', '--python', self.python, 'env')}\n{sync}"

    def version(self, distribution: str) -> str | None:
        """The version of a distribution, or of Python; None of one that it has not."""
        if distribution == "python":
            return self.environment.python
        return self.environment.packages.get(distribution, self.locked.get(distribution))

    def axis(self, axis: str) -> tuple[str, str] | None:
        """The distribution on an axis and its version; None where the environment has none there."""
        names = (axis, OTHER_S3PRL) if axis == "s3prl" else (axis,)
        return next(((name, version) for name in names if (version := self.version(name)) is not None), None)

    def wrong(self, paths: Sequence[str], devices: Sequence[str]) -> Iterator[tuple[str, str, Cell | None]]:
        """Of these paths and devices those that were not seen to work, with their cells; None where none was run."""
        for path in paths:
            for device in devices:
                cell = self.cells.get((path, device))
                if cell is None or cell.outcome is not Outcome.WORKS:
                    yield path, device, cell

    @property
    def versions(self) -> str:
        """All axis versions in one line."""
        found = (self.axis(axis) for axis in AXES)
        return ", ".join(f"{name} {version}" for name, version in filter(None, found))


def _cure(number: int, remedy: Remedy, cell: Cell, environment: Environment, folder: str) -> Cure:
    """What cured a cell of an environment, as the report in a folder tells it."""
    place = cell.path, cell.device
    seen = next((one.earlier for one in remedy.cells if (one.path, one.device) == place), None)
    return Cure(remedy=remedy, number=number, folder=folder, seen=in_words(seen, environment))


def seen_in(results: Results, folder: str) -> list[Candidate]:
    """The environments of a report that can be made again: those with a hashed lock, not a person's own."""
    titles = {str(one["id"]): str(one["title"]) for one in results.signatures}
    verified = (one for one in results.remedies if one.verified)
    remedies = {one.id: (number, one) for number, one in enumerate(verified, start=1)}
    cells: dict[str, dict[tuple[str, str], Cell]] = {}
    for cell in results.cells:
        cells.setdefault(cell.environment, {})[cell.path, cell.device.value] = cell
    return [
        Candidate(
            environment=one,
            cells=cells.get(one.id, {}),
            weights=results.weights,
            folder=folder,
            titles=titles,
            cures={
                place: _cure(*remedies[cell.remedy], cell, one, folder)
                for place, cell in cells.get(one.id, {}).items()
                if cell.remedy is not None and cell.remedy in remedies
            },
        )
        for one in results.environments
        if one.host is None and one.lock is not None and one.lock_sha256 is not None
    ]
