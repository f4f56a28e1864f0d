"""Where no cure is known: which package may be to blame, and its nearest release, in either direction, that works."""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Mapping, Sequence

from packaging.utils import canonicalize_name
from packaging.version import Version

from asrcompat.explain.remedies.candidates import axis_change
from asrcompat.explain.signatures.facts import Facts
from asrcompat.lab.change import Change
from asrcompat.spec.fields import AXIS_DISTRIBUTIONS

_OTHER_NAMES = {"espnet2": "espnet", "sklearn": "scikit-learn", "yaml": "pyyaml"}


def blamed(facts: Facts, versions: Mapping[str, str]) -> tuple[str, ...]:
    """Distributions of a lock (`versions`) that may be to blame, the likeliest first.

    Which raised the first cause, which the messages name, which stand in the traceback; torchaudio moves with torch.
    """
    found: list[str] = []
    if facts.raised_in is not None:
        found.append(facts.raised_in.package)
    for raised in reversed(facts.chain):
        named = re.findall(r"[A-Za-z][\w-]*", raised.message)
        found += [name for name in named if _distribution(name, versions) in AXIS_DISTRIBUTIONS]
    found += [frame.package for frame in reversed(facts.frames) if frame.installed]
    names = dict.fromkeys(_distribution(name, versions) for name in found)
    known = [name for name in names if name in versions]
    axes = [name for name in known if name in AXIS_DISTRIBUTIONS]
    first = known[:1]  # of packages that nobody asked for, only the one that raised
    return tuple(dict.fromkeys("torch" if name == "torchaudio" else name for name in [*first, *axes]))


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
