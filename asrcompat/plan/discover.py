"""From selectors and an index to the axes of a plan: which releases there are, and which Pythons have files of them.

What no Python of the plan can install, what has no torchaudio to go with it, and what is too young is passed over
before a selector counts, so that ``newest`` is the newest that can be: each that was passed over is told with the
reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from packaging.version import Version

from asrcompat.errors import UsageError
from asrcompat.plan.releases import Release
from asrcompat.plan.resolve import day_end
from asrcompat.plan.space import Ban
from asrcompat.spec import Covering, selector, torchaudio_for
from asrcompat.spec.fields import FORK

Releases = Callable[[str], Sequence[Release]]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What an index offers of what a profile covers.

    `axes` are the values of every axis, the oldest first, as requests write them; `passed_over` tells by axis which
    others a selector would have taken, and why it did not. `bans` are the Pythons that a value has no files for.
    `releases` are all final releases of every package, by which the next plan tells the new ones.
    """

    axes: Mapping[str, tuple[str, ...]]
    passed_over: Mapping[str, Mapping[str, str]]
    bans: tuple[Ban, ...]
    releases: Mapping[str, tuple[str, ...]]


def discover(
    covering: Covering, pythons: Mapping[str, str], releases: Releases, *, as_of: str | None, now: datetime, where: str
) -> Found:
    """The axes of a plan for these Pythons (full version by X.Y), as the index stands or stood on a day.

    `where` is what faults call the table that `covering` is.

    Raises `UsageError` for a selector that takes nothing, and what `releases` raises.
    """
    search = _Search(
        pythons=pythons,
        until=now if as_of is None else day_end(as_of),
        cool_off={name: timedelta(days=days) for name, days in covering.cool_off_days.items()},
        releases=releases,
    )
    parts = {
        "torch": (("torch", covering.torch),),
        "transformers": (("transformers", covering.transformers),),
        "s3prl": tuple(_distribution(text) for text in covering.s3prl),
        "espnet": (("espnet", covering.espnet),),
    }
    axes: dict[str, tuple[str, ...]] = {"python": tuple(sorted(pythons, key=Version))}
    passed_over: dict[str, dict[str, str]] = {}
    bans: list[Ban] = []
    for axis, wanted in parts.items():
        found: dict[str, tuple[str, Release]] = {}
        passed_over[axis] = {}
        for package, text in wanted:
            taken, left = search.taken(package, text)
            prefix = f"{FORK} " if package == FORK else ""
            found |= {prefix + one.version: (package, one) for one in taken}
            passed_over[axis] |= {prefix + version: why for version, why in left.items()}
        if not found:
            raise UsageError(f"{where}.{axis}: {_nothing(wanted, search)}")
        axes[axis] = tuple(sorted(found, key=lambda value: (value.startswith(FORK), Version(value.rpartition(" ")[2]))))
        for value in axes[axis]:
            bans += _bans(axis, value, search.without_files(*found[value]))
    return Found(axes=axes, passed_over=passed_over, bans=tuple(bans), releases=search.finals)


def _distribution(text: str) -> tuple[str, str]:
    return (FORK, text.removeprefix(f"{FORK} ")) if text.startswith(f"{FORK} ") else ("s3prl", text)


def _nothing(wanted: Sequence[tuple[str, str]], search: _Search) -> str:
    """What is wrong with selectors of an axis that take nothing."""
    told = []
    for package, text in wanted:
        able = search.able(package)
        span = f" ({able[0]} to {able[-1]})" if able else ""
        told.append(f"'{text}' takes none of the {len(able)} releases of {package} that can be installed here{span}")
    return f"{'; '.join(told)}; write other bounds, or name releases that the index has"


def _bans(axis: str, value: str, without: Mapping[str, str]) -> list[Ban]:
    return [
        Ban(choices=frozenset({("python", python), (axis, value)}), reason=reason) for python, reason in without.items()
    ]


class _Search:
    """Looks releases up, each package once."""

    def __init__(
        self, *, pythons: Mapping[str, str], until: datetime, cool_off: Mapping[str, timedelta], releases: Releases
    ) -> None:
        self._pythons = pythons
        self._until = until
        self._cool_off = cool_off
        self._ask = releases
        self._known: dict[str, dict[str, Release]] = {}

    @property
    def finals(self) -> dict[str, tuple[str, ...]]:
        """Every final release of the packages that were looked up."""
        return {package: tuple(known) for package, known in self._known.items()}

    def taken(self, package: str, text: str) -> tuple[list[Release], dict[str, str]]:
        """What a selector takes of a package, and what it would have taken besides, with the reason against it."""
        known = self._of(package)
        hindered = {version: why for version, one in known.items() if (why := self._hindrance(package, one))}
        selects = selector(text)
        taken = selects.select(self.able(package))
        left = {version: hindered[version] for version in selects.select(list(known)) if version in hindered}
        left |= {one: self._why_not(package, one) for one in selects.named if one not in {*taken, *left}}
        if not (taken or left):
            left = {text: f"takes none of {len(known)} releases"}
        return [known[version] for version in taken], left

    def able(self, package: str) -> list[str]:
        """The releases of a package that can be in a plan."""
        return [version for version, one in self._of(package).items() if self._hindrance(package, one) is None]

    def without_files(self, package: str, one: Release) -> dict[str, str]:
        """The Pythons for which this release, or the torchaudio that goes with it, has nothing to install, and why."""
        found = {}
        for python, full in self._pythons.items():
            why = _no_file(package, one, full)
            if package == "torch" and why is None:
                partner = self._partner(one.version)
                why = None if partner is None else _no_file("torchaudio", partner, full)
            if why is not None:
                found[python] = why
        return found

    def _why_not(self, package: str, version: str) -> str:
        """Why a release that was named is none."""
        one = next((one for one in self._ask(package) if one.version == version), None)
        if one is None:
            return f"the index has no {package} {version}"
        if one.yanked:
            return f"{package} {version} was yanked"
        if one.prerelease:
            return f"{package} {version} is a pre-release"
        return f"{package} {version} came later" if not self._final(one) else "the bounds beside it leave it out"

    def _of(self, package: str) -> dict[str, Release]:
        if package not in self._known:
            self._known[package] = {
                one.version: one for one in self._ask(package) if self._final(one) and not one.yanked
            }
        return self._known[package]

    def _final(self, one: Release) -> bool:
        return not one.prerelease and (one.uploaded is None or one.uploaded.astimezone(UTC) < self._until)

    def _partner(self, torch: str) -> Release | None:
        return self._of("torchaudio").get(torchaudio_for(torch))

    def _hindrance(self, package: str, one: Release) -> str | None:
        if package == "torch" and self._partner(one.version) is None:
            return f"there is no torchaudio {torchaudio_for(one.version)} to go with it"
        days = self._cool_off.get(package)
        if days is not None and one.uploaded is not None and self._until - one.uploaded.astimezone(UTC) < days:
            return f"it came on {one.uploaded:%Y-%m-%d}, and is left alone for {days.days} days"
        without = self.without_files(package, one)
        return next(iter(without.values())) if len(without) == len(self._pythons) else None


def _no_file(package: str, one: Release, python: str) -> str | None:
    """Why an interpreter of this full version cannot install a release; None where it can."""
    if one.suits(python):
        return None
    asked = sorted({str(file.requires_python) for file in one.files if not file.requires_python.contains(python)})
    if asked and len(asked) == len({str(file.requires_python) for file in one.files}):
        return f"{package} {one.version} asks for Python {' or '.join(asked)}"
    return f"{package} {one.version} has no file for Python {python.rpartition('.')[0]} on this platform"
