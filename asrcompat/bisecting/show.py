"""What a search found, as plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from asrcompat.explain.bisection.along import Releases
from asrcompat.model import Boundary
from asrcompat.printable import printable
from asrcompat.report.boundaries import assumed, differing, failing, limit, luck


def told(boundaries: Sequence[Boundary], releases: Releases, *, name: str) -> None:
    """Print the boundaries, what was stepped over, and what it took."""
    for one in boundaries:
        print(printable("\n  ".join(_lines(one))))
    skipped = {release: reason for one in boundaries for release, reason in one.skipped.items()}
    for release, reason in skipped.items():
        print(printable(f"stepped over: {name} {release}: {reason}"))
    answered = [run for run in releases.runs.values() if run.answer != "skip"]
    environments = {run.environment for run in answered}
    print(f"{len(answered)} runs of {len(environments)} environments gave an answer, {len(skipped)} releases gave none")
    peaks = [one.peak_gb for one in boundaries if one.peak_gb is not None]
    if peaks:
        print(f"disk: the laboratory and its cache held {max(peaks):.1f} GB at the worst moment")


def _lines(one: Boundary) -> Iterator[str]:
    """One boundary in words, the limit first."""
    yield f"{one.axis}, towards {one.direction} releases: {limit(one)}"
    if (why := failing(one)) and one.first_bad is not None:
        yield f"{one.first_bad}: {why}"
    yield from filter(None, (luck(one), differing(one), assumed(one)))


def data(boundaries: Sequence[Boundary], *, axis: str, environment: str) -> dict[str, Any]:
    """The same for programs; every run of a boundary is in the report's results."""
    return {
        "schema": 1,
        "axis": axis,
        "environment": environment,
        "boundaries": [
            {
                "path": one.path,
                "device": one.device,
                "stage": one.stage,
                "direction": one.direction,
                "verdict": one.verdict,
                "last_good": one.last_good,
                "first_bad": one.first_bad,
                "gap": list(one.gap),
                "skipped": dict(one.skipped),
                "differs": {name: list(pair) for name, pair in one.differs.items()},
                "luck": one.miss,
            }
            for one in boundaries
        ],
    }
