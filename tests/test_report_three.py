"""The three things to know: in order, from the same answer as the page's, and each with what to do next."""

from __future__ import annotations

from dataclasses import replace

import pytest
from conftest import ROOT
from factories import PATHS, make_cell, make_environment, make_remedy, make_results

from asrcompat.explain.changed import Edition
from asrcompat.model import Cell, Environment, Outcome, Results, Stage
from asrcompat.report.three import Three, data, in_folder, lines, three
from asrcompat.report.view import view
from asrcompat.result_files import parse_results


def environment(torch: str) -> Environment:
    return make_environment(f"torch{torch}", packages={**make_environment().packages, "torch": torch})


def results_of(one: Environment, *broken: str, outcome: Outcome = Outcome.BROKEN, **changes: object) -> Results:
    cells = [make_cell(one, path, outcome if path in broken else Outcome.WORKS) for path in PATHS]
    return replace(make_results(cells, [one]), **changes)  # type: ignore[arg-type]


def told(results: Results, before: Results | None = None, *choices: str) -> Three:
    old = None if before is None else Edition(name="old", results=before)
    new = Edition(name="new", results=results)
    return three(results, view(results), before=old, after=new, choices=choices)


def text(found: Three) -> str:
    return "\n".join(line for line, _ in lines(found))


def test_where_all_works_it_says_what_to_install_and_that_nothing_is_worse() -> None:
    results = results_of(environment("2.3.1"))
    found = told(results, results)
    said = text(found).splitlines()
    assert [line[:2] for line in said if not line.startswith(" ")] == ["1.", "2.", "3."]
    assert found.install == view(results).first.install
    assert "nothing is worse than expected, nor than in the last report" in said[2]
    assert [one.command for one in found.next] == ["asrcompat ask --torch VERSION"]


def test_where_nothing_works_that_is_what_there_is_to_install() -> None:
    found = told(results_of(environment("2.3.1"), *PATHS))
    assert text(found).startswith("1. Install: in none of these environments")
    assert data(found)["install"] == []


def test_the_command_is_one_to_give_where_one_is() -> None:
    (one,) = told(results_of(environment("2.3.1"))).install
    there = in_folder(one, "reports/x")
    assert there.command.endswith("--require-hashes reports/x/locks/torch2.3.1.txt")
    assert there.lock == "reports/x/locks/torch2.3.1.txt"


def test_what_is_worse_than_in_the_last_report_is_told_with_what_to_run_next() -> None:
    one = environment("2.3.1")
    found = told(results_of(one, "s3prl-hf"), results_of(one), "--profile", "wide", "--paths", "s3prl-hf")
    assert [(each.path, each.after) for each in found.since] == [("s3prl-hf", "broken at load")]
    assert "since 2026" in text(found)
    commands = [each.command for each in found.next]
    assert commands == ["nox -s remedy -- --profile wide --environments torch2.3.1 --paths s3prl-hf"]


def test_a_package_that_moved_is_named_to_be_searched() -> None:
    before, after = make_environment("e"), make_environment("e")
    after = replace(after, packages={**after.packages, "transformers": "5.0.0"})
    found = told(results_of(after, "s3prl-hf"), results_of(before))
    assert "nox -s bisect -- --axis transformers --environment e --path s3prl-hf" in [one.command for one in found.next]
    assert "(transformers " in text(found)


def test_a_verified_cure_comes_in_place_of_a_search() -> None:
    one = environment("2.3.1")
    results = results_of(one, "s3prl-hf")
    remedy = make_remedy("cured", one.id)
    cells = tuple(replace(each, remedy="cured") if each.path == "s3prl-hf" else each for each in results.cells)
    found = told(replace(results, cells=cells, remedies=(remedy,)), results_of(one))
    (step,) = found.next
    assert step.command == ""
    assert "works in 1" in step.says


@pytest.mark.parametrize("missing", [(), ("gone",)])
def test_what_is_not_known_comes_first(missing: tuple[str, ...]) -> None:
    results = results_of(environment("2.3.1"), "s3prl-hf", outcome=Outcome.ERROR, missing=missing)
    first = told(results, None, "--profile", "smoke").next[0]
    assert first.command == "nox -s matrix -- " + ("" if missing else "--retry-errors ") + "--profile smoke"
    assert "1 cell ended in an error" in first.says


def test_many_are_told_by_the_first_few_in_text_and_all_in_data() -> None:
    each = [environment(f"2.{number}.0") for number in range(9)]
    fine = [make_cell(one, path) for one in each for path in PATHS]
    bad: list[Cell] = [make_cell(one, path, Outcome.BROKEN, failed=Stage.LOAD) for one in each for path in PATHS]
    found = told(make_results(bad, each), make_results(fine, each))
    assert len(data(found)["worse"]["since_last_report"]) == 9 * len(PATHS)
    assert len(text(found).splitlines()) < 20
    assert f"and {9 * len(PATHS) - 3} more since" in text(found)


def test_what_packages_say_moves_nothing_in_the_terminal() -> None:
    evil = "\x1b[2J\r\u202e\x9b31mevil"
    one = replace(environment("2.3.1"), id=evil)
    said = text(told(results_of(one, "s3prl-hf"), results_of(one)))
    assert not {"\x1b", "\r", "\u202e", "\x9b"} & set(said)


@pytest.mark.parametrize("report", ["reports", "reports/nightly"])
def test_the_published_reports_are_told_in_a_screen(report: str) -> None:
    results = parse_results((ROOT / report / "results.json").read_bytes(), source="results.json")
    assert len(text(told(results, results)).splitlines()) <= 15
