"""What the benchmark makes of its measurements: floor, ratios, and how far the goals are."""

from __future__ import annotations

import pytest
from contest.table import HARNESS, WITH_PIP, WITH_UV, table
from contest.took import Took

PATHS = ("transformers", "s3prl-hf", "espnet-s3prl")


def took(wall: float, *, climbs: tuple[float, float] = (30.0, 50.0), install: float = 2.0, again: float = 0.0) -> Took:
    one = Took(wall=wall, again=again, memory=200.0, disk=[80.0])
    for name, climb in zip(("a", "b"), climbs, strict=True):
        one.climbs[name] = climb
        one.installs[name] = install
        one.imports[name] = dict.fromkeys(PATHS, 10.0)
    return one


@pytest.mark.parametrize(
    ("jobs", "climbs", "seconds"),
    [
        (1, (30.0, 50.0), 12 + 30 + 12 + 50),
        (2, (30.0, 50.0), 12 + 50),  # the longer one, which the other's end does not make shorter
        (2, (40.0, 40.0), 52.0),
    ],
)
def test_the_floor_is_what_has_to_be_done_spread_over_what_runs_at_a_time(
    jobs: int, climbs: tuple[float, float], seconds: float
) -> None:
    one = took(1.0, climbs=climbs)
    assert one.floor(jobs, one.installs) == seconds


def test_the_table_tells_the_ratios_and_how_far_the_goals_are() -> None:
    rounds = [
        {
            HARNESS: took(wall, again=2.0, install=3.0),
            WITH_UV: took(wall * 1.5, install=1.0),
            WITH_PIP: took(wall * 4, install=60.0),
        }
        for wall in (122.0, 61.0 * 1.5, 61.0)
    ]
    lines = list(table(rounds, 2))
    uv = next(line for line in lines if line.startswith(f"| {WITH_UV}"))
    assert uv.split("|")[3].strip() == "1.50 (1.50 to 1.50)"
    told = " ".join(" ".join(lines).split())
    # the floor takes uv's installing, the quickest: 1 + 10 + 50
    assert "Over the floor of 61 s (the quickest installing, one import per environment, the climb): 50%" in told
    assert f"The others took 2.25 ({WITH_UV}) and 6.00 ({WITH_PIP}) times it" in told
    assert "nothing changed: 2.0 s, 2.2% of the first run (goal: 1 %), 1.00 s per environment" in told
