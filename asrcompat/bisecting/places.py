"""What a release or a set of changes is installed from, and whether it is installed already."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from asrcompat.bisecting.asof import AsOf
from asrcompat.lab.change import Change, in_order
from asrcompat.lab.laboratory import derived
from asrcompat.lab.variant import variant
from asrcompat.plan.prepare import prepare
from asrcompat.run.environment import is_complete
from asrcompat.run.session import Locked
from asrcompat.spec import PinRule, Request


@dataclass(frozen=True, kw_only=True)
class Place:
    """The id of an environment in the laboratory, and what it is built from; no source where it does not resolve."""

    name: str
    source: Locked | None


@dataclass(frozen=True, kw_only=True)
class Places:
    """Looks into the folders of the matrix and of the laboratory; each environment is resolved once and then kept."""

    work: Path
    asof: AsOf
    rules: tuple[PinRule, ...]
    _known: dict[tuple[str, tuple[Change, ...]], Place] = field(default_factory=dict)

    def of(self, request: Request, changes: tuple[Change, ...]) -> Place:
        """What a request with changes is called and built from."""
        key = (request.id, changes)
        if key in self._known:
            return self._known[key]
        wanted = variant(request, changes, self.rules)
        found, source = prepare(wanted, self.asof.sources)
        name = derived(found, wanted, request, in_order(changes)).id
        place = Place(name=name, source=source if isinstance(source, Locked) else None)
        if place.source is not None:  # an index that did not answer may do so the next time
            self._known[key] = place
        return place

    def there(self, source: Locked) -> bool:
        """Whether an environment of this lock is whole."""
        return self.in_lab(source) or self._in(self.work, source)

    def in_lab(self, source: Locked) -> bool:
        """Whether it is the laboratory's, which may remove it."""
        return self._in(self.work / "lab", source)

    def _in(self, work: Path, source: Locked) -> bool:
        found = (work / "envs").glob(f"*/{source.lock.sha256[:16]}")
        return any(is_complete(one, source.lock, source.interpreter) for one in found)
