"""Resolve an environment's request into a lock, with uv; and say whether the packages' own metadata allow it."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from asrcompat.run import uv
from asrcompat.run.interpreters import Interpreter
from asrcompat.run.lock import Lock
from asrcompat.spec import Index, Request

Declared = Literal["ok", "conflict", "unknown"]

# Distributions that PyTorch's index has in builds of its own.
_TORCH_DISTRIBUTIONS = ("torch", "torchaudio")

_OVERRIDES = "overrides.txt"


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """A lock, or why there is none; and the *declared* verdict, on the request without this project's aids."""

    lock: Lock | None
    failure: uv.Failure | None
    declared: Declared
    declared_reason: str | None
    seconds: float


def resolve(
    request: Request,
    *,
    interpreter: Interpreter,
    index: Index,
    torch_index: str | None,
    work: Path,
    seconds: float,
    fresh: bool = False,
) -> Resolution:
    """Lock `request` for `interpreter` on this platform.

    `torch_index` is the index that torch's distributions come from, None for the same as all others. A lock of the same
    request that is younger than ``index.lock_hours`` is used again unless `fresh`; failures are never kept.
    """
    started = time.monotonic()
    resolver = _Resolver(
        interpreter=interpreter, index=index, torch_index=torch_index, work=work, seconds=seconds, fresh=fresh
    )
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
        seconds=time.monotonic() - started,
    )


@dataclass(frozen=True, kw_only=True)
class _Resolver:
    interpreter: Interpreter
    index: Index
    torch_index: str | None
    work: Path
    seconds: float
    fresh: bool

    def lock(self, requirements: Sequence[str], *, overrides: Sequence[str] = ()) -> Lock | uv.Failure:
        project = self._project(requirements)
        arguments = self._index_arguments()
        facts = [project, arguments, str(self.interpreter.executable), *([overrides] if overrides else [])]
        key = sha256(json.dumps(facts).encode()).hexdigest()[:24]
        kept = self.work / "locks" / f"{key}.pylock.toml"
        if not self.fresh and _age_hours(kept) < self.index.lock_hours:
            return Lock(kept.read_text(encoding="utf-8"))
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            (Path(folder) / "pyproject.toml").write_text(project, encoding="utf-8")
            if overrides:  # not in the project: there they are configuration, and a person's is shut out
                (Path(folder) / _OVERRIDES).write_text("\n".join(overrides) + "\n", encoding="utf-8")
                arguments += ["--overrides", _OVERRIDES]
            made = Path(folder) / "pylock.toml"
            command: list[str | Path] = ["pip", "compile", "pyproject.toml", "--quiet", "--no-header", "--no-annotate"]
            command += ["--python", self.interpreter.executable, "--format", "pylock.toml", "--output-file", made]
            finished = uv.command([*command, *arguments], seconds=self.seconds, cwd=Path(folder))
            failure = uv.failure(finished)
            if failure is not None:
                return failure
            made.replace(kept)
        return Lock(kept.read_text(encoding="utf-8"))

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
        return arguments + [part for place in self.index.find_links for part in ("--find-links", place)]


def _age_hours(file: Path) -> float:
    try:
        return (time.time() - file.stat().st_mtime) / 3600
    except FileNotFoundError:
        return float("inf")
