"""Boundaries that were found, one file each, until the next search of the same question finds them again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from asrcompat.model import Boundary, Environment, Weights
from asrcompat.result_files import ResultError, dump, parse_boundary
from asrcompat.run.store import write_text

NOTHING = ("no change", "unsure")


class KeptBoundaries:
    """The boundaries found with one kind of weights in a work folder."""

    def __init__(self, work: Path, weights: Weights) -> None:
        self.folder = work / "boundaries" / weights

    def write(self, boundary: Boundary, *, tell: Callable[[str], None] = lambda _: None) -> Path:
        """Keep a boundary in place of the last one of the same question and direction; the file.

        A search that found nothing leaves what was found with the same packages and the same code, and says so; unless
        it asked the same releases, and so knows better. Of two that found the same, the larger use of the
        disk is kept: a search that goes on from where one was stopped builds less.
        """
        asked = "works" if boundary.stage is None else boundary.stage.value
        name = f"{boundary.axis}-{boundary.path}-{boundary.device}-{asked}-{boundary.direction}.json"
        file = self.folder / boundary.environment / name
        before = _read(file, warn=tell)
        if before is not None and (before.lock_sha256, before.code) == (boundary.lock_sha256, boundary.code):
            if boundary.verdict in NOTHING and before.verdict not in NOTHING and not knows_better(boundary, before):
                tell(
                    f"kept: of {boundary.axis}, towards {boundary.direction} releases, what was found earlier with the "
                    f"same packages ({_ends(before)})"
                )
                return file
            if boundary.peak_gb is not None and before.peak_gb is not None:
                boundary = replace(boundary, peak_gb=max(boundary.peak_gb, before.peak_gb))
        write_text(file, dump(boundary))
        return file

    def read(self, environments: Iterable[Environment], *, warn: Callable[[str], None]) -> tuple[Boundary, ...]:
        """The boundaries of these environments, by name of the environment.

        What cannot be read, or was found with other packages or by other code than the environment's own result, is
        told by `warn` and passed over.
        """
        own = {one.id: one for one in environments}
        found = []
        for file in sorted(self.folder.glob("*/*.json")):
            name = file.parent.name
            one = _read(file, warn=warn) if name in own else None
            if one is None:
                continue
            what = f"{name}: the boundary of {one.axis} towards {one.direction} releases was found"
            if one.lock_sha256 != own[name].lock_sha256:
                warn(f"{what} with other packages than it has now; run `bisect` again")
                continue
            if one.code != own[name].code:
                warn(f"{what} by other code than the environment's result; run the older of the two again")
                continue
            found.append(one)
        return tuple(found)


def knows_better(one: Boundary, before: Boundary) -> bool:
    """Whether each release that an earlier search named was run, and every run of it gave an answer.

    Where that search named one, since there was no limit up to it, no less than that it answers otherwise.
    """
    named = {before.last_good: "good", before.first_bad: "bad"}
    named.pop(None, None)
    runs = [run for run in one.runs if run.release in named]
    if set(named) != {run.release for run in runs} or any(run.answer == "skip" for run in runs):
        return False
    return before.verdict != "open" or any(run.answer != named[run.release] for run in runs)


def _ends(one: Boundary) -> str:
    """The releases that a search named."""
    if one.verdict == "open":
        side, there = ("good", one.last_good) if one.last_good is not None else ("bad", one.first_bad)
        return f"no limit, {side} up to {there}"
    return f"last good {one.last_good}, first bad {one.first_bad}"


def _read(file: Path, *, warn: Callable[[str], None]) -> Boundary | None:
    try:
        return parse_boundary(file.read_bytes(), source=str(file))
    except FileNotFoundError:
        return None
    except (ResultError, OSError) as error:
        warn(f"passed over: {error}")
        return None
