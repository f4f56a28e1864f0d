"""Two locks of one environment: what differs between them, and which of the differences breaks it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import Version

from asrcompat.explain.bisection.delta import smallest_breaking
from asrcompat.explain.bisection.search import Answer
from asrcompat.lab.change import Change
from asrcompat.spec.fields import FORK

_PINNED = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*)\s*==\s*(?P<version>[^\s;\\]+)")
_AXES = ("torch", "torchaudio", "transformers", "espnet")

Versions = Mapping[str, str]


class NotALockError(ValueError):
    """A text that is no lock: the message says which line."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A distribution that two locks do not agree on; None where a lock does not have it."""

    name: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        """``numpy 1.26.4 → 2.0.0``, ``six added: 1.17.0``, ``six removed (1.17.0)``."""
        if self.before is None:
            return f"{self.name} added: {self.after}"
        if self.after is None:
            return f"{self.name} removed ({self.before})"
        return f"{self.name} {self.before} → {self.after}"


def read_lock(text: str) -> dict[str, str]:
    """Version by distribution of a lock in the form of ``reports/locks/*.txt``; raises `NotALockError`."""
    found: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith(("#", "--")):
            continue
        match = _PINNED.match(line)
        if match is None:
            message = f"line {number} is no 'name==version': {line[:80]!r}"
            raise NotALockError(message)
        found[str(canonicalize_name(match["name"]))] = str(Version(match["version"]))
    if not found:
        message = "it names no distribution"
        raise NotALockError(message)
    return found


def differences(before: Versions, after: Versions) -> tuple[Difference, ...]:
    """What the two do not agree on, by name."""
    return tuple(
        Difference(name=name, before=before.get(name), after=after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    )


def without_builds(lock: Versions) -> dict[str, str]:
    """The same without builds (``2.3.1+cpu`` is 2.3.1): which one is taken is the index's business."""
    return {name: Version(version).public for name, version in lock.items()}


def other_builds(before: Versions, after: Versions) -> tuple[str, ...]:
    """In words, what two locks have of one version and not of one build."""
    return tuple(
        f"{name} {version} and {after[name]}"
        for name, version in before.items()
        if name in after and version != after[name] and Version(version).public == Version(after[name]).public
    )


def with_changes(before: Versions, chosen: Collection[Difference]) -> dict[str, str]:
    """The first lock with some of the differences applied."""
    combined: dict[str, str | None] = {**before, **{one.name: one.after for one in chosen}}
    return {name: version for name, version in sorted(combined.items()) if version is not None}


def as_changes(versions: Versions) -> tuple[Change, ...]:
    """What makes an environment of exactly these versions: each axis moved, all else pinned."""
    changes = []
    for name, version in versions.items():
        if name in _AXES:
            changes.append(Change(kind="axis", value=f"{name}={version}"))
        elif name in ("s3prl", FORK):
            changes.append(Change(kind="axis", value="s3prl=" + (f"{FORK} " if name == FORK else "") + version))
        else:
            changes.append(Change(kind="pin", value=f"{name}=={version}"))
    return tuple(changes)


def smallest_culprit(
    found: Sequence[Difference],
    *,
    try_set: Callable[[Sequence[Difference]], Answer],
    resolves: Callable[[Sequence[Difference]], bool],
) -> tuple[Difference, ...]:
    """The differences that break, none of which can be left out; all of them together are taken to break.

    Those that do not resolve one by one (a package and what it pins) are first taken together, as what they are.
    """
    apart = [(one,) for one in found if resolves([one])]
    together = tuple(one for one in found if (one,) not in apart)
    groups = [*apart, *([together] if together else [])]
    kept = smallest_breaking(groups, lambda chosen: try_set([one for group in chosen for one in group]))
    left = [one for group in kept for one in group]
    return smallest_breaking(left, try_set) if len(left) > len(kept) else tuple(left)
