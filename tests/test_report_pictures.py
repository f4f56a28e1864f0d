"""The pictures: releases in a line, and pairs in a staircase; what they show is what ran."""

from __future__ import annotations

import re
from functools import cache
from typing import Literal

import pytest
from conftest import ROOT
from factories import make_cell, make_environment, make_results

from asrcompat.model import Boundary, BoundaryRun, Device, Outcome, Results
from asrcompat.report.coverage import coverage
from asrcompat.report.environments import rows
from asrcompat.report.pairs import picture
from asrcompat.report.releases import Package, package_lines
from asrcompat.result_files import parse_results


@cache
def nightly() -> Results:
    return parse_results((ROOT / "reports/nightly/results.json").read_bytes(), source="nightly")


def line_of(results: Results, name: str) -> Package:
    numbers = {one.id: number for number, one in enumerate(results.environments, start=1)}
    (found,) = [one for one in package_lines(results, numbers) if one.name == name]
    return found


def make_line(*told: tuple[str, tuple[Outcome, ...]]) -> Results:
    """Environments with these releases of torch, each with cells of `transformers` on the CPU."""
    environments, cells = [], []
    for release, outcomes in told:
        for number, outcome in enumerate(outcomes):
            environments.append(make_environment(f"e{release}-{number}", packages={"torch": f"{release}+cu121"}))
            cells.append(make_cell(environments[-1], outcome=outcome))
    return make_results(cells, environments)


def test_a_release_works_is_broken_mixed_or_untested_by_what_ran() -> None:
    results = make_line(
        ("2.10.0", (Outcome.WORKS, Outcome.WORKS)),
        ("2.9.0", (Outcome.WORKS, Outcome.BROKEN)),
        ("2.3.1", (Outcome.BROKEN,)),
        ("2.4.0", (Outcome.UNSTABLE,)),
        ("2.5.0", (Outcome.ERROR,)),
        ("2.6.0", (Outcome.UNAVAILABLE,)),
    )
    told = line_of(results, "torch")
    assert told.releases == ("2.3.1", "2.4.0", "2.5.0", "2.6.0", "2.9.0", "2.10.0")
    (track,) = told.tracks
    assert [(stop.sign, stop.word, stop.count) for stop in track.stops] == [
        ("✗", "broken", "0 of 1"),
        ("~", "mixed", "0 of 1, 1 at times"),
        ("·", "untested", ""),
        ("·", "untested", ""),
        ("~", "mixed", "1 of 2"),
        ("✓", "works", "2 of 2"),
    ]


def test_a_search_has_a_line_of_its_own() -> None:
    results = make_line(("2.3.1", (Outcome.WORKS,)), ("2.9.0", (Outcome.BROKEN,)))
    answers: tuple[tuple[str, Literal["good", "bad"]], ...] = (
        ("2.3.1", "good"),
        ("2.8.0", "bad"),
        ("2.8.0", "good"),
        ("2.9.0", "bad"),
    )
    runs = tuple(
        BoundaryRun(release=release, attempt=0, answer=answer, told="", environment="e", outcome=Outcome.WORKS)
        for release, answer in answers
    )
    boundary = Boundary(
        environment="e2.3.1-0",
        axis="torch",
        path="transformers",
        device=Device.CPU,
        stage=None,
        direction="newer",
        verdict="unsure",
        last_good="2.3.1",
        first_bad="2.8.0",
        skipped={"2.7.0": "no wheel"},
        runs=runs,
    )
    told = line_of(make_results(results.cells, results.environments, boundaries=(boundary,)), "torch")
    assert told.releases == ("2.3.1", "2.7.0", "2.8.0", "2.9.0")
    search, _ = told.tracks
    assert search.title == "search in environment 1, nothing else moved by us: transformers"
    assert [stop.word for stop in search.stops] == ["works", "untested", "mixed", "broken"]


def test_a_package_says_nothing_of_paths_that_do_not_use_it() -> None:
    told = line_of(nightly(), "s3prl")
    assert all("torchaudio-hf" not in track.title and track.title != "transformers" for track in told.tracks)
    ran = {one.packages["s3prl"] for one in nightly().environments if "s3prl" in one.packages}
    assert ran <= set(told.releases)
    for release in set(told.releases) - ran:  # named by the plan or by a search, and in no environment
        at = told.releases.index(release)
        assert all(track.stops[at].kind == "absent" for track in told.tracks if not track.title.startswith("search"))


def test_the_picture_of_pairs_is_the_tables() -> None:
    covered = coverage(nightly(), rows(nightly().environments, nightly().cells))
    assert covered is not None
    drawn = picture(covered)
    assert drawn is not None
    entries = [entry for table in covered.tables for line in table.grid.lines for entry in line.entries]
    assert len(drawn.squares) == len(entries) > 0
    for kind in ("works", "broken", "absent"):
        assert sum(one.kind == kind for one in drawn.squares) == sum(one.kind == kind for one in entries)
    assert len({(one.x, one.y) for one in drawn.squares}) == len(entries)
    assert all(one.x + drawn.side <= drawn.width and one.y + drawn.side <= drawn.height for one in drawn.squares)
    assert all(re.search(": ✗ [0-9, –+]+$", one.told) for one in drawn.squares if one.kind == "broken")
    works = sum(one.kind == "works" for one in entries)
    assert drawn.told.startswith(f"Of {len(entries)} pairs {works} were seen working")


@pytest.mark.parametrize("name", ["python", "torch", "torchaudio", "s3prl", "espnet", "transformers"])
def test_every_package_of_nightly_has_a_line(name: str) -> None:
    told = line_of(nightly(), name)
    assert all(len(track.stops) == len(told.releases) for track in told.tracks)
