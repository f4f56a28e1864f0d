"""The tested releases of each distribution in a line, along which distances are counted."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from packaging.version import Version

from asrcompat.advice.candidate import Candidate, parsed
from asrcompat.advice.question import AXES, Wanted

_NEWEST_BY = ("torch", "transformers", "espnet", "s3prl", "python")


class Lines:
    """Releases by axis and distribution: of the two that provide S3PRL's import name, each has a line of its own."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        found: dict[str, dict[str, set[Version]]] = {axis: {} for axis in AXES}
        for one in candidates:
            for axis in AXES:
                if (there := one.axis(axis)) is not None:
                    found[axis].setdefault(there[0], set()).add(parsed(there[1]))
        self._lines = {
            axis: {distribution: sorted(versions) for distribution, versions in of.items()}
            for axis, of in found.items()
        }

    def newness(self, one: Candidate) -> tuple[int, ...]:
        """An order in which the newest comes last: of each axis how many newer releases of the same there are."""
        ages = [self._age(axis, one) for axis in _NEWEST_BY]
        own = one.axis("s3prl")
        return (*ages, 1 if own is None or own[0] == "s3prl" else 0)

    def _age(self, axis: str, one: Candidate) -> int:
        place = self.place(axis, one)
        return -self.all(axis) - 1 if place is None else place[1] - len(self._lines[axis][place[0]])

    def place(self, axis: str, one: Candidate) -> tuple[str, int] | None:
        """The distribution that an environment has on an axis, and its release's place in that one's line."""
        there = one.axis(axis)
        return None if there is None else (there[0], self._lines[axis][there[0]].index(parsed(there[1])))

    def all(self, axis: str) -> int:
        """How many releases there are on an axis: what another distribution is away."""
        return sum(map(len, self._lines[axis].values()))

    def by_distribution(self, axis: str) -> dict[str, list[str]]:
        """The releases on an axis, oldest first, of each distribution."""
        return {distribution: [str(version) for version in line] for distribution, line in self._lines[axis].items()}

    def told(self, axis: str) -> tuple[str, ...]:
        """All releases on an axis, each with its distribution where that has another name."""
        return tuple(
            str(version) if distribution == axis else f"{distribution} {version}"
            for distribution, line in self._lines[axis].items()
            for version in line
        )

    def newest(self, axis: str, distribution: str) -> Version:
        """The newest tested release of a distribution."""
        return self._lines[axis][distribution][-1]

    def steps(self, axis: str, one: Candidate, wish: Wanted) -> int:
        """How far an environment's release is from what is wanted: twice the tested releases that lie between.

        From the nearest that is wanted; where none of these was tested, from where the wish would stand in the line.
        """
        place = self.place(axis, one)
        if place is None or place[0] != wish.distribution:
            return 2 * self.all(axis)
        line = self._lines[axis][place[0]]
        wanted = [2 * at for at, version in enumerate(line) if wish.holds(str(version))]
        for bound in () if wanted else wish.versions:
            version = parsed(bound.version.removesuffix(".*"))
            wanted.append(2 * bisect_left(line, version) - (version not in line))
        return min((abs(2 * place[1] - each) for each in wanted), default=0)
