"""Boundaries in the report: what ran is named, and nothing reads like a promise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from factories import make_environment, make_results
from html_page import whole

from asrcompat.bisecting.axis import verdict
from asrcompat.explain.bisection.kept import KeptBoundaries
from asrcompat.model import Boundary, BoundaryRun, Device, Outcome, Stage, Trials
from asrcompat.report.boundaries import assumed, boundaries, limit
from asrcompat.report.environments import rows
from asrcompat.report.render import markdown
from asrcompat.result_files import dump, parse_boundary, parse_results

HERE = make_environment()


def run(release: str, answer: Any = "good", attempt: int = 0, **changes: Any) -> BoundaryRun:
    good = answer == "good"
    made = BoundaryRun(
        release=release,
        attempt=attempt,
        answer=answer,
        told="works" if good else "broken at load: OSError: no such file",
        environment=f"{HERE.id}+s3prl-{release}",
        outcome=Outcome.WORKS if good else Outcome.BROKEN,
        trials=Trials(passed=10, of=10) if good else None,
    )
    return replace(made, **changes)


def boundary(**changes: Any) -> Boundary:
    made = Boundary(
        environment=HERE.id,
        axis="s3prl",
        path="s3prl-hf",
        device=Device.CPU,
        stage=None,
        direction="older",
        verdict="found",
        last_good="0.4.15",
        first_bad="0.4.14",
        runs=(run("0.4.15"), run("0.4.14", "bad"), run("0.4.15", attempt=1), run("0.4.14", "bad", 1)),
        line=("0.4.10", "0.4.18"),
        releases=9,
        miss=0.0,
        lock_sha256=HERE.lock_sha256,
        code=HERE.code,
        found_at="2026-11-23T10:00:00+00:00",
    )
    return replace(made, **changes)


NEWER = boundary(
    direction="newer",
    verdict="open",
    last_good="0.4.18",
    first_bad=None,
    runs=(run("0.4.15"), run("0.4.16"), run("0.4.18"), run("0.4.18", attempt=1)),
    skipped={"0.4.17": "does not resolve"},
    miss=None,
)

ASSUMED = (
    "{ran} releases from {span} were asked on the way {way}; those between them that were not are taken to answer as "
    "their neighbours did: where there is more than one turn, this is one of them"
)


def told(*found: Boundary) -> tuple[list[str], tuple[str, ...]]:
    laid = boundaries(found, rows((HERE,), ()))
    assert laid is not None
    (line,) = laid.grid.lines
    return [line.head.text, *(entry.text for entry in line.entries)], laid.notes


def test_both_directions_stand_on_one_line_with_the_releases_that_ran() -> None:
    line, notes = told(boundary(), NEWER)
    assert line == [
        "s3prl",
        "1",
        "s3prl-hf",
        "0.4.15, 0.4.16, 0.4.18",
        "last good 0.4.15, first bad 0.4.14 (broken at load: OSError: no such file)",
        "no limit seen: good up to 0.4.18, the last that gave an answer, run 2 times",
        "2026-11-23",
    ]
    assert notes == (
        f"s3prl in 1: {ASSUMED.format(ran=4, span='0.4.15 to 0.4.18', way='newer')}",
        "s3prl in 1: 0.4.17 was stepped over: does not resolve",
    )


def test_nothing_is_assumed_where_no_release_lies_between_those_that_were_asked() -> None:
    assert assumed(boundary()) == ""  # neighbours
    gap = boundary(verdict="gap", first_bad="0.4.13", gap=("0.4.14",), skipped={"0.4.14": "does not resolve"})
    assert assumed(replace(gap, runs=(run("0.4.15"), run("0.4.13", "bad")))) == ""
    assert assumed(boundary(runs=(*boundary().runs, run("0.4.10", "bad")), releases=3)) == ""  # all there are
    wider = boundary(runs=(*boundary().runs, run("0.4.9", "bad")))
    assert assumed(wider) == ASSUMED.format(ran=3, span="0.4.9 to 0.4.15", way="older")


def test_an_end_that_was_refused_is_named_with_the_reason() -> None:
    refused = boundary(verdict="no change", runs=(run("0.4.15"),), skipped={"0.4.9": "excluded by matrix.toml: old"})
    assert limit(refused) == "nothing to search for: 0.4.15: good; 0.4.9: excluded by matrix.toml: old"


def test_a_direction_that_was_not_searched_says_so() -> None:
    assert told(boundary())[0][5] == "not looked at"


def test_a_release_that_passed_once_and_failed_once_is_not_among_those_that_passed() -> None:
    flaky = boundary(runs=(run("0.4.15"), run("0.4.16"), run("0.4.16", "bad", 1)))
    assert told(flaky)[0][3] == "0.4.15"


def test_stage_device_and_what_moved_along_are_named() -> None:
    line, notes = told(
        boundary(
            axis="torchaudio",
            along=("torch",),
            stage=Stage.IMPORT,
            device=Device.CUDA,
            differs={"torch": ("2.8.0", "2.9.0"), "triton": ("3.4", "-")},
            miss=0.004,
        )
    )
    assert (line[0], line[2]) == ("torchaudio with torch", "s3prl-hf (cuda) passes import")
    assert notes == (
        (
            "torchaudio with torch in 1: 0.4.15 passed 20 train-mode steps; the probability that it fails as often as "
            "the bad ones did and was lucky is 0.004"
        ),
        "torchaudio with torch in 1: from 0.4.15 to 0.4.14 these changed as well: torch 2.8.0 → 2.9.0, triton 3.4 → -",
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"verdict": "gap", "gap": ("0.4.14.1",)}, "between them gave no answer: 0.4.14.1"),
        ({"verdict": "open", "last_good": None}, "no limit seen: bad up to 0.4.14"),
        ({"verdict": "unsure"}, "not sure: 0.4.15 or 0.4.14 answered differently, or not at all"),
        ({"verdict": "no change"}, "nothing to search for: 0.4.15: good; 0.4.14: bad"),
    ],
)
def test_what_is_not_known_is_said(changes: dict[str, Any], said: str) -> None:
    assert said in limit(boundary(**changes))


@pytest.mark.parametrize(("outcome", "code"), [(Outcome.ERROR, 3), (Outcome.UNAVAILABLE, 3), (Outcome.BROKEN, 0)])
@pytest.mark.parametrize("verdict_", ["gap", "open"])
def test_our_own_errors_are_not_taken_for_releases_that_do_not_install(
    verdict_: Any, outcome: Outcome, code: int
) -> None:
    over = run("0.4.17", "skip", told="the disk is full", outcome=outcome)
    skipped = {"0.4.17": "the disk is full"}
    one = boundary(direction="newer", verdict=verdict_, gap=("0.4.17",), runs=(over, over), skipped=skipped)
    assert verdict([boundary(), one]) == code
    assert ("; ended in an error of the harness: 0.4.17" in limit(one)) == (code == 3)
    assert verdict([boundary()]) == 0


def test_an_error_of_ours_elsewhere_takes_nothing_from_neighbours_that_both_ran_twice() -> None:
    over = run("0.4.12", "skip", told="the disk is full", outcome=Outcome.ERROR)
    one = boundary(runs=(*boundary().runs, over), skipped={"0.4.12": "the disk is full"})
    assert verdict([one]) == 0
    assert limit(one).endswith("; ended in an error of the harness: 0.4.12")
    gap = replace(one, verdict="gap", gap=("0.4.14.1",))
    assert verdict([gap]) == 0
    assert [verdict([replace(one, verdict=unknown)]) for unknown in ("unsure", "no change")] == [3, 3]


def test_an_environment_that_is_not_reported_has_no_boundaries() -> None:
    assert boundaries([boundary(environment="elsewhere")], rows((HERE,), ())) is None


def test_every_form_tells_them_and_promises_nothing() -> None:
    hostile = boundary(runs=(run("0.4.14", "bad", told="<script>alert(1)</script> | x"),))
    results = make_results(boundaries=(boundary(), NEWER))
    for page in (markdown(results), whole(results)):
        assert "Not a promise" in page
        assert "last good 0.4.15, first bad 0.4.14" in page
    for page in (markdown(make_results(boundaries=(hostile,))), whole(make_results(boundaries=(hostile,)))):
        assert "<script>alert" not in page
    for page in (markdown(make_results()), whole(make_results())):
        assert "Not a promise" not in page


def test_they_survive_the_files_that_they_are_kept_in(tmp_path: Path) -> None:
    assert parse_boundary(dump(NEWER), source="x") == NEWER
    results = make_results(boundaries=(boundary(),))
    assert parse_results(dump(results), source="x") == results
    kept = KeptBoundaries(tmp_path, "synthetic-small")
    for one in (boundary(verdict="unsure"), boundary(), NEWER, boundary(environment="elsewhere")):
        kept.write(one)
    assert sorted(kept.read([HERE], warn=pytest.fail), key=lambda one: one.direction) == [NEWER, boundary()]
    kept.write(boundary(axis="torn")).write_text("{", encoding="utf-8")
    said: list[str] = []
    assert len(kept.read([HERE], warn=said.append)) == 2
    assert "torn-s3prl-hf" in said[0]
    kept.write(boundary(axis="torn"), tell=said.append)
    assert "torn-s3prl-hf" in said[1], "nobody would hear of it later"
    assert len(kept.read([HERE], warn=pytest.fail)) == 3


def test_one_that_was_found_with_other_packages_is_told_and_passed_over(tmp_path: Path) -> None:
    kept = KeptBoundaries(tmp_path, "synthetic-small")
    for one in (boundary(), replace(NEWER, lock_sha256="of other packages")):
        kept.write(one)
    said: list[str] = []
    assert kept.read([HERE], warn=said.append) == (boundary(),)
    assert said[0].startswith(f"{HERE.id}: the boundary of s3prl towards newer releases was found with other packages")


def test_one_that_was_found_by_other_code_is_told_and_passed_over(tmp_path: Path) -> None:
    kept = KeptBoundaries(tmp_path, "synthetic-small")
    for one in (boundary(), replace(NEWER, code="of other code"), boundary(axis="torch", code=None)):
        kept.write(one)
    said: list[str] = []
    assert kept.read([HERE], warn=said.append) == (boundary(),)
    assert [text.partition(" was found ")[2] for text in said] == [
        "by other code than the environment's result; run the older of the two again"
    ] * 2


@pytest.mark.parametrize("verdict", ["no change", "unsure"])
def test_a_search_that_found_nothing_leaves_what_was_found_elsewhere(verdict: Any, tmp_path: Path) -> None:
    kept = KeptBoundaries(tmp_path, "synthetic-small")
    said: list[str] = []
    elsewhere = boundary(verdict=verdict, runs=(run("0.4.15"), run("0.4.12", "bad")))
    not_answered = boundary(verdict=verdict, runs=(run("0.4.15"), run("0.4.14", "bad"), run("0.4.15", "skip", 1)))
    for one in (boundary(), elsewhere, not_answered):
        kept.write(one, tell=said.append)
    assert kept.read([HERE], warn=pytest.fail) == (boundary(),)
    assert ["(last good 0.4.15, first bad 0.4.14)" in text for text in said] == [True, True]
    others = replace(elsewhere, lock_sha256="of other packages")
    kept.write(others, tell=pytest.fail)  # what was found says nothing of these
    kept.write(boundary(verdict="open"), tell=pytest.fail)
    assert kept.read([HERE], warn=pytest.fail) == (boundary(verdict="open"),)
    kept.write(boundary())
    kept.write(replace(elsewhere, code="of other code"), tell=pytest.fail)


@pytest.mark.parametrize("verdict", ["no change", "unsure"])
def test_that_there_is_no_limit_is_left_as_well_unless_its_end_answers_otherwise(verdict: Any, tmp_path: Path) -> None:
    kept = KeptBoundaries(tmp_path, "synthetic-small")
    said: list[str] = []
    kept.write(NEWER)
    nothing = replace(NEWER, verdict=verdict, last_good=None, skipped={}, runs=(run("0.4.15"), run("0.4.16")))
    for one in (nothing, replace(nothing, runs=(run("0.4.15"), run("0.4.18")))):  # the second says the same of it
        kept.write(one, tell=said.append)
    assert kept.read([HERE], warn=pytest.fail) == (NEWER,)
    assert ["(no limit, good up to 0.4.18)" in text for text in said] == [True, True]
    otherwise = replace(nothing, runs=(run("0.4.18"), run("0.4.18", "bad", 1)))
    kept.write(otherwise, tell=pytest.fail)
    assert kept.read([HERE], warn=pytest.fail) == (otherwise,)


@pytest.mark.parametrize("verdict", ["no change", "unsure"])
def test_a_search_that_asked_the_same_releases_and_is_not_sure_knows_better(verdict: Any, tmp_path: Path) -> None:
    kept = KeptBoundaries(tmp_path, "synthetic-small")
    later = boundary(verdict=verdict, runs=(*boundary().runs, run("0.4.15", "bad", 2)))
    for one in (boundary(), later):
        kept.write(one, tell=pytest.fail)
    assert kept.read([HERE], warn=pytest.fail) == (later,)


def test_a_search_that_went_on_from_another_does_not_hide_what_that_took_of_the_disk(tmp_path: Path) -> None:
    kept = KeptBoundaries(tmp_path, "synthetic-small")
    for peak in (13.2, 0.1):
        kept.write(boundary(peak_gb=peak))
    assert kept.read([HERE], warn=pytest.fail) == (boundary(peak_gb=13.2),)
    kept.write(boundary(peak_gb=0.1, code="of other code"))
    assert kept.read([replace(HERE, code="of other code")], warn=pytest.fail)[0].peak_gb == 0.1
