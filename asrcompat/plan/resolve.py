"""Resolve an environment's request into a lock, with uv; and say whether the packages' own metadata allow it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import monotonic
from typing import Literal

from asrcompat.plan.kept import Kept, resolved_for
from asrcompat.run import uv
from asrcompat.run.breaker import Breaker
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.spec import Index, Request

Declared = Literal["ok", "conflict", "unknown"]

# Distributions that PyTorch's index has in builds of its own.
_TORCH_DISTRIBUTIONS = ("torch", "torchaudio")

_OVERRIDES = "overrides.txt"
WORKERS = 4  # resolutions at a time: one waits for the index most of the time


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """A lock, or why there is none; and the *declared* verdict, on the request without this project's aids.

    `unaided` is what a resolver chooses then.
    """

    lock: Lock | None
    failure: uv.Failure | None
    declared: Declared
    declared_reason: str | None
    unaided: Lock | None
    seconds: float


def kept_of(request: Request, resolver: Resolver) -> tuple[Kept, ...]:
    """Where what `resolve` finds is kept."""
    return (
        resolver.kept(request.pinned_requirements, overrides=request.override_requirements),
        resolver.kept(request.requirements),
    )


def resolve(request: Request, resolver: Resolver) -> Resolution:
    """Lock `request`, with this project's aids and without them."""
    started = monotonic()
    aided = resolver.lock(request.pinned_requirements, overrides=request.override_requirements)
    declared: Declared
    unaided = resolver.lock(request.requirements) if request.aids else aided
    reason = None
    if isinstance(unaided, Lock):
        declared = "ok"
    elif unaided.kind == "conflict":
        declared, reason = "conflict", unaided.message
    else:
        declared, reason = "unknown", unaided.message
    return Resolution(
        lock=aided if isinstance(aided, Lock) else None,
        failure=None if isinstance(aided, Lock) else aided,
        declared=declared,
        declared_reason=reason,
        unaided=unaided if isinstance(unaided, Lock) else None,
        seconds=monotonic() - started,
    )


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """Locks requirements for one interpreter on this platform, as of a day (YYYY-MM-DD) or of today.

    `torch_index` is the index that torch's distributions come from, None for the same as all others. A lock of the same
    requirements that is younger than ``index.lock_hours``, and not of before `since` (seconds since the epoch), is used
    again unless `fresh`, and so is a conflict; other failures are never kept.
    """

    interpreter: Interpreter
    index: Index
    torch_index: str | None
    work: Path
    seconds: float
    fresh: bool = False
    since: float = 0.0
    as_of: str | None = None

    def lock(self, requirements: Sequence[str], *, overrides: Sequence[str] = ()) -> Lock | uv.Failure:
        """The lock of these requirements, with `overrides` in place of what packages ask for; or why there is none."""
        kept = self.kept(requirements, overrides=overrides)
        # what an earlier day's index held does not change any more
        hours = self.index.lock_hours if self.as_of is None else float("inf")
        before = None if self.fresh else kept.read(hours=hours, since=self.since)
        if before is not None:
            return before
        project, arguments = self._project(requirements), self._index_arguments()
        found: Lock | uv.Failure = Breaker(self.work).ask(lambda: self._made(project, arguments, overrides))
        kept.write(found)
        return found

    def kept(self, requirements: Sequence[str], *, overrides: Sequence[str] = ()) -> Kept:
        """Where the answer is kept: by what is asked, of which index, and for which kind of machine."""
        facts = [self._project(requirements), self._index_arguments(), resolved_for(self.interpreter), list(overrides)]
        return Kept.of(facts, work=self.work)

    def lock_anywhere(self, requirements: Sequence[str], *, overrides: Sequence[str] = ()) -> Lock | uv.Failure:
        """The lock, with torch from its own index where that has it: only a conflict without it too is a verdict."""
        found = self.lock(requirements, overrides=overrides)
        if self.torch_index is None or isinstance(found, Lock) or found.kind != "conflict":
            return found
        return replace(self, torch_index=None).lock(requirements, overrides=overrides)

    def without_network(self, requirements: Sequence[str]) -> Lock | uv.Failure:
        """What the installer's cache alone says of these requirements; nothing is kept of it.

        A lock shows that there is one, not which the index would give: of what is not in the cache the versions that
        are stand in. A failure of the kind ``error`` most often means that the cache holds too little to say.
        """
        own = replace(self, torch_index=None)
        return own._made(own._project(requirements), own._index_arguments(), (), offline=True)

    def _made(
        self, project: str, arguments: Sequence[str], overrides: Sequence[str], *, offline: bool = False
    ) -> Lock | uv.Failure:
        with tempfile.TemporaryDirectory(prefix="asrcompat-resolve-") as folder:
            (Path(folder) / "pyproject.toml").write_text(project, encoding="utf-8")
            made = Path(folder) / "pylock.toml"
            command: list[str | Path] = ["pip", "compile", "pyproject.toml", "--quiet", "--no-header", "--no-annotate"]
            command += ["--python", self.interpreter.executable, "--format", "pylock.toml", "--output-file", made]
            command += arguments
            if overrides:  # not in the project: there they are configuration, and a person's is shut out
                (Path(folder) / _OVERRIDES).write_text("\n".join(overrides) + "\n", encoding="utf-8")
                command += ["--overrides", _OVERRIDES]
            if offline:
                command += ["--offline"]
            finished = uv.command(command, seconds=self.seconds, cwd=Path(folder))
            failure = uv.failure(finished)
            return failure or Lock(made.read_text(encoding="utf-8"))

    def _project(self, requirements: Sequence[str]) -> str:
        """The request as a project: the form in which uv takes an index for some distributions only."""
        lines = [
            "[project]",
            'name = "environment"',
            'version = "0"',
            f'requires-python = "=={self.interpreter.version}"',
        ]
        lines += [f"dependencies = {json.dumps(list(requirements))}"]
        if self.torch_index is not None:
            lines += ["[[tool.uv.index]]", 'name = "torch"', f"url = {json.dumps(self.torch_index)}", "explicit = true"]
            sources = ", ".join(f'{name} = {{ index = "torch" }}' for name in _TORCH_DISTRIBUTIONS)
            lines += ["[tool.uv]", f"sources = {{ {sources} }}"]
        return "\n".join(lines) + "\n"

    def _index_arguments(self) -> list[str]:
        arguments = [] if self.index.url is None else ["--default-index", self.index.url]
        arguments += [] if self.as_of is None else until(self.as_of)
        return arguments + [part for place in self.index.find_links for part in ("--find-links", place)]


def until(day: str) -> tuple[str, ...]:
    """The installer's arguments for an index as it stood on a day (YYYY-MM-DD)."""
    return "--exclude-newer", day_end(day).isoformat()


def day_end(day: str) -> datetime:
    """The moment up to which a release counts as of this day (YYYY-MM-DD): its end, in UTC."""
    return datetime.combine(date.fromisoformat(day), time.min, UTC) + timedelta(days=1)
