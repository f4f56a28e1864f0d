"""Boundaries that were found, one file each, until the next search of the same question finds them again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from asrcompat.model import Boundary, Environment, ResultError, Weights, dump, parse_boundary
from asrcompat.run.store import write_text

_NOTHING, _LIMIT = ("no change", "unsure"), ("found", "gap")


class KeptBoundaries:
    """The boundaries found with one kind of weights in a work folder."""

    def __init__(self, work: Path, weights: Weights) -> None:
        self.folder = work / "boundaries" / weights

    def write(self, boundary: Boundary, *, tell: Callable[[str], None] = lambda _: None) -> Path:
        """Keep a boundary in place of the last one of the same question and direction; the file.

        A search that found no limit leaves one that was found with the same packages, and says so.
        """
        asked = "works" if boundary.stage is None else boundary.stage.value
        name = f"{boundary.axis}-{boundary.path}-{boundary.device}-{asked}-{boundary.direction}.json"
        file = self.folder / boundary.environment / name
        before = _read(file, warn=lambda _: None) if boundary.verdict in _NOTHING else None
        if before is not None and before.verdict in _LIMIT and before.lock_sha256 == boundary.lock_sha256:
            tell(
                f"kept: of {boundary.axis}, towards {boundary.direction} releases, the limit that was found earlier "
                f"with the same packages (last good {before.last_good}, first bad {before.first_bad})"
            )
            return file
        write_text(file, dump(boundary))
        return file

    def read(self, environments: Iterable[Environment], *, warn: Callable[[str], None]) -> tuple[Boundary, ...]:
        """The boundaries of these environments, by name of the environment.

        What cannot be read, or was found with other packages than the environment has now, is told by `warn` and passed
        over.
        """
        locks = {one.id: one.lock_sha256 for one in environments}
        found = []
        for file in sorted(self.folder.glob("*/*.json")):
            name = file.parent.name
            one = _read(file, warn=warn) if name in locks else None
            if one is None:
                continue
            if one.lock_sha256 != locks[name]:
                warn(
                    f"{name}: the boundary of {one.axis} towards {one.direction} releases was found with other "
                    "packages than it has now; run `bisect` again"
                )
                continue
            found.append(one)
        return tuple(found)


def _read(file: Path, *, warn: Callable[[str], None]) -> Boundary | None:
    try:
        return parse_boundary(file.read_bytes(), source=str(file))
    except FileNotFoundError:
        return None
    except (ResultError, OSError) as error:
        warn(f"passed over: {error}")
        return None
