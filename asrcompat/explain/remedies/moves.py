"""Where no cure is known: which package may be to blame, and its nearest release, in either direction, that works."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Mapping, Sequence

from packaging.utils import canonicalize_name
from packaging.version import Version

from asrcompat.explain.remedies.candidates import axis_change
from asrcompat.explain.signatures.entry import Signature
from asrcompat.explain.signatures.facts import Facts
from asrcompat.lab.change import Change
from asrcompat.spec.fields import AXIS_DISTRIBUTIONS

_HEAVY = "torch"
_OTHER_NAMES = {"espnet2": "espnet", "sklearn": "scikit-learn", "yaml": "pyyaml"}


def blamed(facts: Facts, versions: Mapping[str, str], signature: Signature | None = None) -> tuple[str, ...]:
    """Distributions of a lock (`versions`) that may be to blame, the likeliest first.

    Those that a known failure's cures and cause name, which raised the first cause, which the messages name, which
    stand in the traceback. torchaudio moves with torch, and that comes last: each release is gigabytes.
    """
    found: list[str] = []
    if facts.raised_in is not None:
        found.append(facts.raised_in.package)
    for raised in reversed(facts.chain):
        named = re.findall(r"[A-Za-z][\w-]*", raised.message)
        found += [name for name in named if _distribution(name, versions) in AXIS_DISTRIBUTIONS]
    found += [frame.package for frame in reversed(facts.frames) if frame.installed]
    told = dict.fromkeys(_distribution(name, versions) for name in found)
    known = [name for name in told if name in versions]
    axes = [name for name in known if name in AXIS_DISTRIBUTIONS]
    first = known[:1]  # of packages that nobody asked for, only the one that raised
    names = dict.fromkeys(
        "torch" if name == "torchaudio" else name for name in [*_named(signature, versions), *first, *axes]
    )
    return tuple(sorted(names, key=_HEAVY.__eq__))


def _named(signature: Signature | None, versions: Mapping[str, str]) -> list[str]:
    """What a known failure's cures move, and the axes that its cause names."""
    if signature is None:
        return []
    moved = [one.value for one in signature.cures if one.kind in ("axis", "pin")]
    cured = [_distribution(match[0], versions) for one in moved if (match := re.match(r"[A-Za-z][\w-]*", one))]
    words = [_distribution(one, versions) for one in re.findall(r"[A-Za-z][\w-]*", signature.cause)]
    return [name for name in [*cured, *(one for one in words if one in AXIS_DISTRIBUTIONS)] if name in versions]


def asks_of(distribution: str) -> int:
    """How many releases of a distribution are tried at most, in both directions together."""
    return 6 if distribution == _HEAVY else 10


def _distribution(module: str, versions: Mapping[str, str]) -> str:
    """The distribution that an import name belongs to, as far as names tell."""
    if module == "s3prl" and "s3prl" not in versions:
        return "espnet-s3prl"
    return _OTHER_NAMES.get(module, canonicalize_name(module))


def move(distribution: str, version: str) -> Change:
    """The change to another version of a distribution."""
    if distribution in AXIS_DISTRIBUTIONS:
        return axis_change(distribution, version)
    return Change(kind="pin", value=f"{distribution}=={version}")


def nearest(releases: Sequence[str], installed: str, works: Callable[[str], bool | None], *, asks: int) -> str | None:
    """A release that works and whose neighbour towards `installed` does not, near it; None where none was seen.

    Goes outward in both directions at a doubling stride, newer before older, then halves back; asks about `asks`
    releases at most. `works` answers None where nothing is to be learned; such a release is no answer.
    """
    public = Version(installed).public
    keys = [Version(one) for one in releases]
    place = bisect.bisect_left(keys, Version(public))
    there = place < len(releases) and keys[place] == Version(public)
    known: dict[int, bool] = {}

    def good(at: int) -> bool:
        if at not in known and len(known) < asks:
            known[at] = works(releases[at]) is True
        return known.get(at, False)

    # (direction, the first place in it, the last one)
    sides = [(1, place + 1 if there else place, len(releases) - 1), (-1, place - 1, 0)]
    stride = 1
    last = {direction: start - direction for direction, start, _ in sides}
    while any(0 <= start <= len(releases) - 1 and last[direction] != end for direction, start, end in sides):
        for direction, start, end in sides:
            if (end - start) * direction < 0 or last[direction] == end:
                continue
            at = start + direction * (stride - 1)
            at = end if (end - at) * direction < 0 else at
            if good(at):
                return releases[_back(last[direction], at, good)]
            last[direction] = at
        stride *= 2
    return None


def _back(bad: int, found: int, good: Callable[[int], bool]) -> int:
    """Halve the way back from a place that works to the last one that does not."""
    while abs(found - bad) > 1:
        middle = (found + bad) // 2
        if good(middle):
            found = middle
        else:
            bad = middle
    return found
