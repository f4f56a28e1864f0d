"""A laboratory in numbers: environments that take room on a disk, installed and freed without a package."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from factories import make_cell, make_environment, make_environment_result
from session_settings import make_settings

from asrcompat.bisecting.places import Place
from asrcompat.bisecting.tidy import Tidy
from asrcompat.lab.change import Change
from asrcompat.model import BoundaryRun, EnvironmentResult, Outcome
from asrcompat.run import uv
from asrcompat.run.cells import Settings
from asrcompat.run.footprint import Footprint
from asrcompat.run.lock import Lock
from asrcompat.run.process import Finished
from asrcompat.run.session import Locked
from asrcompat.spec import Request, Spec

REQUEST = Request(python="3.10", torch="2", torchaudio="2", transformers="4", s3prl="1", espnet="1")


UNRESOLVED = "99"


LARGE = """
lock-version = "1.0"
[[packages]]
name = "torch"
version = "{version}"
wheels = [{{ url = "u", size = 800000000, hashes = {{ sha256 = "0" }} }}]
[[packages]]
name = "nvidia_cudnn"
version = "9"
wheels = [{{ url = "u", size = 700000000, hashes = {{ sha256 = "0" }} }}]
[[packages]]
name = "six"
version = "1"
wheels = [{{ url = "u", size = 11000, hashes = {{ sha256 = "0" }} }}]
[[packages]]
name = "untold"
version = "1"
wheels = [{{ url = "u", hashes = {{ sha256 = "0" }} }}]
"""


OWN = "own"  # without changes


def release(version: object) -> tuple[Change, ...]:
    return () if version == OWN else (Change(kind="axis", value=f"torch={version}"),)


@cache
def lock_of(version: str) -> Lock:
    return Lock(LARGE.format(version="0.1" if version == OWN else version))


def version_of(changes: tuple[Change, ...]) -> str:
    return changes[0].parts[1] if changes else OWN


class Disk:
    """A laboratory, its folders and its disk: an environment takes `stack` GB of it until it is freed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stack = 5.0
        self.others = 0.0
        self.there: list[str] = []
        self.installed: list[str] = []
        self.elsewhere: set[str] = set()  # what the matrix has built
        self.known: dict[tuple[str, int], EnvironmentResult] = {}
        self.ran: list[tuple[str, int, int]] = []
        self.freed: list[tuple[str, ...]] = []
        self.most = 0.0
        self.cleaned: list[list[str]] = []  # what uv was told
        self.evidence = True
        self.resolved: dict[tuple[str, int], str] = {}  # otherwise than the first time

    @property
    def taken(self) -> float:
        return self.others + self.stack * len(self.there)

    def open(self, settings: Settings) -> Lab:
        return Lab(self, settings)

    def of(self, request: Request, changes: tuple[Change, ...]) -> Place:
        version = version_of(changes)
        source = Locked(lock=lock_of(version), interpreter=cast("Any", None), text="")
        return Place(name=version, source=None if version == UNRESOLVED else source)

    def in_lab(self, source: Locked) -> bool:
        return any(lock_of(version) is source.lock for version in self.there)

    def there_is(self, source: Locked) -> bool:
        return self.in_lab(source) or any(lock_of(version) is source.lock for version in self.elsewhere)


class Places:
    def __init__(self, disk: Disk) -> None:
        self.of, self.in_lab, self.there = disk.of, disk.in_lab, disk.there_is


class Lab:
    def __init__(self, disk: Disk, settings: Settings) -> None:
        self._disk = disk
        self._settings = settings

    def remembered(
        self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0
    ) -> EnvironmentResult | None:
        return self._disk.known.get((version_of(changes), attempt))

    def users(self) -> set[str]:
        return set(self._disk.there)

    def run(self, request: Request, changes: tuple[Change, ...] = (), *, attempt: int = 0) -> EnvironmentResult:
        disk, version = self._disk, version_of(changes)
        if (version, attempt) in disk.known:
            return disk.known[version, attempt]
        if version not in {*disk.there, *disk.elsewhere} and version != UNRESOLVED:
            disk.there.append(version)
            disk.installed.append(version)
        disk.most = max(disk.most, disk.taken)
        disk.ran.append((version, attempt, self._settings.probe.seed))
        sha256 = disk.resolved.get((version, attempt), lock_of(version).sha256)
        environment = make_environment(version, lock_sha256=sha256)
        cell = make_cell(environment) if disk.evidence else make_cell(environment, evidence=None)
        return make_environment_result(environment, [cell])

    def free(self, keep: Collection[str]) -> int:
        self._disk.freed.append(tuple(keep))
        self._disk.there = [version for version in self._disk.there if version in keep]
        return 0


def make_disk(spec: Spec, root: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """A disk whose footprint is told, and whose cache is cleaned, by numbers alone."""
    made = Disk(make_settings(spec, root, model="m"))

    def command(arguments: Sequence[str | Path], *, seconds: float, cwd: Path | None = None) -> Finished:
        made.cleaned.append([str(one) for one in arguments])
        return Finished(code=0, output="", timed_out=False, seconds=0.0)

    monkeypatch.setattr(Footprint, "used", property(lambda _: made.taken))
    monkeypatch.setattr(uv, "command", command)
    return made


def tidy(disk: Disk, **changes: Any) -> Tidy:
    chosen = {"budget": 15.0, "heavy": True, "ahead": True, "returns": False, "tell": lambda _: None, **changes}
    places = cast("Any", Places(disk))
    return Tidy(disk.open, disk.settings, places=places, footprint=Footprint(disk.settings.work), **chosen)


def ask(lab: Tidy, version: object, answer: Any = "good", attempt: int = 0) -> None:
    """Run a release as a search does."""
    result = lab.run(REQUEST, release(version), attempt=attempt)
    outcome = Outcome.WORKS if answer == "good" else Outcome.BROKEN
    run = BoundaryRun(
        release=str(version),
        attempt=attempt,
        answer=answer,
        told="",
        environment=result.environment.id,
        outcome=outcome,
    )
    lab.done(result.environment.id, run)
