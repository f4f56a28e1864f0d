"""How few installations a search takes, wherever the limits are and however little the disk holds."""

from __future__ import annotations

import itertools
from math import ceil, log2
from pathlib import Path
from typing import Any, cast

import pytest
from disk_in_numbers import (
    OWN,
    REQUEST,
    Disk,
    ask,
    make_disk,
    release,
    tidy,
)

from asrcompat.bisecting.choose import Line
from asrcompat.bisecting.estimate import most, taken
from asrcompat.bisecting.tidy import Tidy
from asrcompat.explain.bisection.search import Answer, bisect, outward
from asrcompat.spec import Spec


@pytest.fixture
def disk(spec: Spec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    return make_disk(spec, tmp_path, monkeypatch)


def line_of(lab: Tidy, good: range, own: str = "") -> Any:
    answers: dict[tuple[str, int], Answer] = {}

    def asked(version: str, attempt: int) -> tuple[Answer, str]:
        answer = Answer.GOOD if int(version) in good else Answer.BAD
        if (version, attempt) not in answers:
            ask(lab, OWN if version == own else version, answer.value, attempt)
            answers[version, attempt] = answer
        return answer, ""

    return asked


def in_both_directions(disk: Disk, count: int, own: int, good: range, *, bad_first: bool) -> int:
    """The installations of a search outward from a release, of which the good ones are around it or anywhere else."""
    disk.there, disk.installed, disk.ran = [], [], []
    lab = tidy(disk, returns=True)
    every = [str(place) for place in range(count)]
    cells = range(count) if not bad_first else [place for place in range(count) if place not in good]
    asked = line_of(lab, good if not bad_first else cast("Any", cells), own=str(own))
    found = [outward(every, start=str(own), step=step, ask=asked) for step in (1, -1)]
    limits = [(turn.bad, turn.good) if bad_first else (turn.good, turn.bad) for turn in found]
    ends = [str(good[-1] + 1) if good[-1] + 1 < count else None, str(good[0] - 1) if good[0] else None]
    assert limits == [(str(good[-1]), ends[0]), (str(good[0]), ends[1])]
    assert lab.installs == len(disk.installed)
    return lab.installs


@pytest.mark.parametrize("stack", [2.0, 5.5, 8.0])
@pytest.mark.parametrize("count", [2, 7])
def test_in_both_directions_no_more_is_installed_than_was_said_wherever_the_limits_are(
    disk: Disk, stack: float, count: int
) -> None:
    disk.stack = stack
    every = tuple(str(place) for place in range(count))
    for own in range(count):
        said = most(Line(releases=every, own=str(own), good=None, bad=None))
        for low, high in itertools.product(range(own + 1), range(own, count)):
            for bad_first in (False, True):
                assert in_both_directions(disk, count, own, range(low, high + 1), bad_first=bad_first) <= said
    assert disk.most <= 16.0


@pytest.mark.parametrize("stack", [2.0, 5.0, 6.5])
@pytest.mark.parametrize(("own", "low"), [(17, 5), (16, 16), (0, 0), (21, 3)])
def test_the_limits_on_both_sides_of_22_releases_take_9_installations(
    disk: Disk, stack: float, own: int, low: int
) -> None:
    """As many as torchaudio has on the index for Python 3.11."""
    disk.stack = stack
    for high in range(own, 22):
        assert in_both_directions(disk, 22, own, range(low, high + 1), bad_first=False) <= 9 == ceil(log2(22)) + 4
    assert disk.most <= 15.0


def test_what_takes_more_than_was_said_does_not_pass_for_less() -> None:
    line = Line(releases=("1", "2", "3"), own="2", good=None, bad=None)
    assert taken(line, 3) == "3 installs for 3 releases (at most 3)"
    assert taken(line, 4) == (
        "4 installs for 3 releases (at most 3 where none passes and fails and none is removed by others)"
    )


@pytest.mark.parametrize("stack", [5.5, 6.5])
@pytest.mark.parametrize("count", [2, 3, 9, 22, 33])
def test_between_two_ends_the_bound_holds_wherever_the_limit_is(disk: Disk, stack: float, count: int) -> None:
    every = [str(place) for place in range(count)]
    disk.stack = stack
    for good in range(1, count):
        disk.there, disk.installed, disk.ran = [], [], []
        lab = tidy(disk)
        turn = bisect(every, good="0", bad=every[-1], ask=line_of(lab, range(good)))
        assert (turn.verdict, turn.good) == ("found", str(good - 1))
        # what fails at times only has the good one run again, which may have had to go
        lab.run(REQUEST, release(good - 1), attempt=2)
        assert lab.installs == len(disk.installed) <= ceil(log2(count)) + 4
        assert most(Line(releases=tuple(every), own="0", good="0", bad=every[-1])) == ceil(log2(count)) + 4
    assert disk.most <= 15.0
