"""Parity: whom a path follows and how far it is off, and what is known of builds that no GPU was there for."""

from __future__ import annotations

import dataclasses
import sys
from types import SimpleNamespace

import pytest
from factories import make_cell, make_check, make_environment, make_results
from wide_results import make_wide_results

from asrcompat.model import Cell, Device, Features, Outcome, Results, Stage
from asrcompat.probe.static import facts
from asrcompat.report.grid import Grid
from asrcompat.report.view import view


def lines(grid: Grid) -> dict[str, list[str]]:
    """Give a grid's texts by the heads of its lines."""
    return {line.head.text: [entry.text for entry in line.entries] for line in grid.lines}


def sections(results: Results) -> dict[str, dict[str, list[str]]]:
    """Give the sections' lines by their titles."""
    return {section.title: lines(section.grid) for section in view(results).parity}


def following(path: str, environment: str, follows: str, parity: float | None) -> Cell:
    """Make a cell that follows a reference at this distance."""
    cell = make_cell(make_environment(environment), path, features=Features(width=768, frames=49))
    check = make_check(Stage.FEATURES, id="parity", data={"follows": follows, "parity": parity, "tolerance": 1e-4})
    return dataclasses.replace(cell, checks=(*cell.checks, check))


def test_what_a_path_follows_stands_before_its_differences() -> None:
    found = sections(make_wide_results())
    own = found["Against the harness's reference"]
    assert own["s3prl-hf"] == ["prepared", "2.6e-05 to 3.2e-05", "2–4, 6, 8"]
    assert own["espnet-fairseq"] == ["raw", "3.1e-05", "7"]
    assert "espnet-huggingface" not in own
    assert "transformers" not in found["Against the environment's own reference path"]
    assert found["A batch against one utterance alone"]["transformers"] == ["1.2 to 1.3", "1 to 1.1", "1–6, 8"]
    assert found["Width, frames and lengths"]["s3prl-hf"] == ["768", "50", "50, 35", "49, 34"]


def test_where_environments_disagree_each_says_whom_it_follows() -> None:
    environments = [make_environment("a"), make_environment("b")]
    cells = [following("p", "a", "raw", 2.5e-5), following("p", "b", "neither", 7.25)]
    results = make_results(cells, environments)
    (section, _) = view(results).parity
    told = [(line.head.text, *(entry.text for entry in line.entries)) for line in section.grid.lines]
    assert told == [("p", "raw", "2.5e-05", "1"), ("p", "neither", "7.2e+00", "2")]
    assert [line.entries[0].kind for line in section.grid.lines] == ["", "broken"]
    assert "the tolerance is 0.0001" in section.about


def test_a_difference_that_is_no_number_is_said_to_be_none() -> None:
    environments = [make_environment("a"), make_environment("b")]
    cells = [following("p", "a", "neither", None), following("q", "a", "raw", 2.0)]
    cells.append(following("q", "b", "raw", float("nan")))
    told = sections(make_results(cells, environments))["Against the harness's reference"]
    assert (told["p"][1], told["q"][1]) == ("not a number", "2.0e+00 or not a number")


def test_what_did_not_come_so_far_is_not_among_the_environments() -> None:
    environments = [make_environment("a"), make_environment("b")]
    broken = make_cell(environments[1], "p", Outcome.BROKEN, failed=Stage.INSTALL)
    results = make_results([following("p", "a", "raw", 0.0), broken], environments)
    assert sections(results)["Against the harness's reference"]["p"] == ["raw", "0.0e+00", "1"]


def test_devices_have_sections_of_their_own() -> None:
    cells = [
        following("p", "a", "raw", 1e-5),
        dataclasses.replace(following("p", "a", "raw", 2e-5), device=Device.CUDA),
    ]
    titles = list(sections(make_results(cells, [make_environment("a")])))
    assert "Against the harness's reference on cpu" in titles
    assert "Against the harness's reference on cuda" in titles


def test_without_features_there_is_nothing_to_tell() -> None:
    assert view(make_results([make_cell(outcome=Outcome.BROKEN, failed=Stage.IMPORT)])).parity == ()


def test_builds_are_told_where_nothing_ran_on_cuda() -> None:
    grid = view(make_wide_results()).builds
    assert grid is not None
    assert [(line.head.text, *(entry.text for entry in line.entries)) for line in grid.lines] == [
        ("2.3.1 (cu121)", "12.1", "sm_50, sm_90", "525.60.13", "1, 2, 7"),
        ("2.8.0 (cu121)", "12.1", "sm_50, sm_90", "525.60.13", "3, 4"),
        ("2.11.0 (cpu)", "12.1", "sm_50, sm_90", "580.65.06", "5, 6"),
        ("2.8.0 (cu121)", "12.1", "sm_50, sm_90", "not known", "8"),
    ]


@pytest.mark.parametrize(
    ("build", "told"),
    [
        ({"cuda": None}, ["none: built for the CPU", "", "", "1"]),
        ({"torch": "2.3.1"}, ["not known", "", "", "1"]),
        ({"cuda": "12.1", "architectures": []}, ["12.1", "not known", "not known", "1"]),
    ],
)
def test_a_build_says_what_it_knows(build: dict[str, object], told: list[str]) -> None:
    environment = make_environment(build=build)
    cells = [make_cell(environment, outcome=Outcome.UNAVAILABLE, device=Device.CUDA)]
    grid = view(make_results(cells, [environment])).builds
    assert grid is not None
    assert [entry.text for entry in grid.lines[0].entries] == told


def test_a_build_is_told_by_what_the_probe_says_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = SimpleNamespace(
        __version__="2.8.0+cu128",
        version=SimpleNamespace(cuda="12.8"),
        _C=SimpleNamespace(_cuda_getArchFlags=lambda: "sm_70 sm_90"),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    build = facts()
    assert set(make_environment().build) == set(build)
    environment = make_environment(build=build)
    cells = [make_cell(environment, outcome=Outcome.UNAVAILABLE, device=Device.CUDA)]
    grid = view(make_results(cells, [environment])).builds
    assert grid is not None
    assert [entry.text for entry in grid.lines[0].entries] == ["12.8", "sm_70, sm_90", "525.60.13", "1"]


def test_builds_are_left_out_where_cuda_was_not_asked_for_or_ran() -> None:
    assert view(make_results()).builds is None
    assert view(make_results([make_cell(device=Device.CUDA)])).builds is None
    unknown = make_environment(build={})
    cells = [make_cell(unknown, outcome=Outcome.UNAVAILABLE, device=Device.CUDA)]
    assert view(make_results(cells, [unknown])).builds is None
