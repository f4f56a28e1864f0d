"""What to try for a failure, in which order.

The order is by how much a person gives up, so that the first that works is the one to advise:

- ``variable``: nothing is changed on disk, and it is gone with the shell;
- ``config``: a line of the person's own training configuration;
- ``file``: a copy of the checkpoint of their own, with something added;
- ``extra``: one more distribution; all that they have stays as it is;
- ``pin``: a package moves that they did not ask for by name;
- ``override``: a package gets what it did not ask for, and its makers never tried;
- ``axis``: a package moves that they chose;
- ``replace``: another project's code under the same name;
- ``shim``: code of ours inside the packages, which no one else has tested and every release may break: last.

Of several, the most intrusive one counts, then how many they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from packaging.utils import canonicalize_name
from packaging.version import Version

from asrcompat.errors import UsageError
from asrcompat.explain.signatures.entry import Cure, Signature, bound_on_axis
from asrcompat.lab.change import Change, Kind, in_order

ORDER: tuple[Kind, ...] = get_args(Kind)

Releases = Callable[[str], Sequence[str]]
"""The versions of a package that the environment's Python can install, the oldest first."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """Changes to try together; `says` tells a person what to do, `signatures` whose cures they are.

    `built_on` are the changes with which a cell climbed, and to which these added what may cure the next failure.
    """

    changes: tuple[Change, ...]
    says: str
    signatures: tuple[str, ...] = ()
    built_on: tuple[Change, ...] = ()

    def with_more(self, other: Candidate) -> Candidate:
        """Both together; what the other one says of the same target holds."""
        return Candidate(
            changes=in_order([*self.changes, *other.changes]),
            says=" ".join(dict.fromkeys([self.says, other.says])),
            signatures=tuple(dict.fromkeys([*self.signatures, *other.signatures])),
            built_on=self.changes,
        )


def intrusiveness(changes: Sequence[Change]) -> tuple[int, int]:
    """How much a person gives up; smaller is less."""
    return max((ORDER.index(one.kind) for one in changes), default=-1), len(changes)


def cures_of(
    signature: Signature, packages: Mapping[str, str], releases: Releases, *, tell: Callable[[str], None]
) -> tuple[Candidate, ...]:
    """The catalogue's cures for a failure, the least intrusive first; one that cannot be understood is told."""
    found = []
    for cure in signature.cures:
        try:
            several = [in_order([*_also(cure), one]) for one in _changes(cure, packages, releases)]
        except UsageError as error:
            tell(f"signature {signature.id}: not tried: {error}")
            continue
        found += [Candidate(changes=changes, says=cure.says, signatures=(signature.id,)) for changes in several]
    return tuple(sorted(found, key=lambda one: intrusiveness(one.changes)))


def _also(cure: Cure) -> list[Change]:
    """What a cure is of no use without."""
    return [Change(kind=one.kind, value=one.value) for one in cure.also]


def _changes(cure: Cure, packages: Mapping[str, str], releases: Releases) -> Iterator[Change]:
    """A cure as changes to try one after the other; a bound on an axis is the nearest release on each side within."""
    bound = bound_on_axis(cure)
    if bound is None:
        yield Change(kind=cure.kind, value=cure.value)
        return
    name = canonicalize_name(bound.name)
    known = releases(name)
    within = [one for one in known if bound.specifier.contains(one)]
    here = Version(packages[name]) if name in packages else None
    if here is not None and bound.specifier.contains(here.public, prereleases=True):
        return  # it is not what fails here
    above = [one for one in within if here is not None and Version(one) > here]
    below = [one for one in within if here is not None and Version(one) < here]
    for version in (*above[:1], *below[-1:]):
        yield axis_change(name, version)


def axis_change(distribution: str, version: str) -> Change:
    """A distribution of an axis at another version; torch where it is torchaudio, which goes along."""
    if distribution == "espnet-s3prl":
        return Change(kind="axis", value=f"s3prl=espnet-s3prl {version}")
    if distribution == "torchaudio":
        torch = f"1{version[1:]}" if version.startswith("0.") else version
        return Change(kind="axis", value=f"torch={torch}")
    return Change(kind="axis", value=f"{distribution}={version}")
