"""What a release or a set of changes is installed from, and whether it is installed already."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from asrcompat.lab.change import Change
from asrcompat.lab.variant import variant
from asrcompat.plan.prepare import Sources, prepare
from asrcompat.run.environment import is_complete
from asrcompat.run.session import Locked
from asrcompat.spec import PinRule, Request


@dataclass(frozen=True, kw_only=True)
class Places:
    """Looks into the folders of the matrix and of the laboratory; resolves only where no lock is kept."""

    work: Path
    sources: Sources
    rules: tuple[PinRule, ...]

    def locked(self, request: Request, changes: tuple[Change, ...]) -> Locked | None:
        """What a request with changes is built from; None where it does not resolve."""
        _, source = prepare(variant(request, changes, self.rules), replace(self.sources, fresh=False))
        return source if isinstance(source, Locked) else None

    def there(self, source: Locked) -> bool:
        """Whether an environment of this lock is whole."""
        return self.in_lab(source) or self._in(self.work, source)

    def in_lab(self, source: Locked) -> bool:
        """Whether it is the laboratory's, which may remove it."""
        return self._in(self.work / "lab", source)

    def _in(self, work: Path, source: Locked) -> bool:
        found = (work / "envs").glob(f"*/{source.lock.sha256[:16]}")
        return any(is_complete(one, source.lock, source.interpreter) for one in found)
