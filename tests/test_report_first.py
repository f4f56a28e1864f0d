"""The answer at the top: the newest environment that works, and what fails where everything is new."""

from __future__ import annotations

import dataclasses

import pytest
from conftest import ROOT
from factories import PATHS, make_cell, make_environment, make_results

from asrcompat.advice import MAIN_PATHS
from asrcompat.model import Cell, Environment, Outcome, Results
from asrcompat.report.first import First
from asrcompat.report.render import html, markdown
from asrcompat.report.view import view
from asrcompat.result_files import parse_results


def environment(torch: str, transformers: str = "4.41.2", **changes: object) -> Environment:
    packages = {**make_environment().packages, "torch": torch, "transformers": transformers}
    return make_environment(f"torch{torch}-transformers{transformers}", packages=packages, **changes)


def cells(one: Environment, *broken: str) -> list[Cell]:
    return [make_cell(one, path, Outcome.BROKEN if path in broken else Outcome.WORKS) for path in PATHS]


def first_of(*environments: tuple[Environment, tuple[str, ...]], **changes: object) -> First:
    every = [cell for one, broken in environments for cell in cells(one, *broken)]
    results = make_results(every, [one for one, _ in environments])
    return view(dataclasses.replace(results, **changes)).first  # type: ignore[arg-type]


def test_the_newest_environment_in_which_all_main_paths_work_is_told_with_its_lock() -> None:
    old, new, broken = environment("2.3.1"), environment("2.8.0"), environment("2.11.0")
    told = first_of((old, ()), (new, ()), (broken, ("s3prl-hf",)))
    (one,) = told.install
    assert (one.entry.text, one.paths) == ("2", ", ".join(MAIN_PATHS))
    assert one.lock == new.lock
    assert one.command.endswith(f"--require-hashes {new.lock}")


def test_where_none_has_all_paths_each_is_told() -> None:
    told = first_of((environment("2.3.1"), ("s3prl-hf",)), (environment("2.8.0"), ("transformers",)))
    assert {one.paths: one.entry.text for one in told.install} == {
        "transformers": "1",
        "s3prl-hf": "2",
        "espnet-s3prl": "2",
    }


def test_where_nothing_works_that_is_said() -> None:
    only = environment("2.3.1")
    results = make_results(cells(only, *PATHS), [only])
    assert view(results).first.install == ()
    said = "In none of these environments a way that people take most works."
    assert said in markdown(results)
    assert said in html(results)


def test_what_fails_with_the_newest_is_told_and_what_fails_with_older_ones_is_not() -> None:
    old, new = environment("2.3.1"), environment("2.11.0", "5.24.0")
    told = first_of((old, ("transformers",)), (new, ("espnet-s3prl",)))
    assert told.newest.startswith("torch 2.11.0, transformers 5.24.0")
    assert told.newest.endswith("(environment 2)")
    assert [one.where for one in told.broken] == ["espnet-s3prl in 2"]


def test_what_is_of_an_earlier_day_or_a_persons_own_is_not_the_newest() -> None:
    now = environment("2.3.1")
    dated = environment("2.8.0", as_of="2024-07-01")
    own = environment("2.11.0", host="their-box")
    told = first_of((now, ()), (dated, ("transformers",)), (own, ("transformers",)))
    assert told.newest.endswith("(environment 1)")
    assert told.broken == ()


@pytest.mark.parametrize("report", ["reports", "reports/nightly"])
def test_the_published_reports_recommend_only_what_works_in_them(report: str) -> None:
    results: Results = parse_results((ROOT / report / "results.json").read_bytes(), source="results.json")
    rows = {str(number): one.id for number, one in enumerate(results.environments, start=1)}
    working = [cell for cell in results.cells if (cell.outcome, cell.device) == (Outcome.WORKS, "cpu")]
    works = {(cell.environment, cell.path) for cell in working}
    assert view(results).first.install
    for one in view(results).first.install:
        assert all((rows[one.entry.text], path) in works for path in one.paths.split(", "))
        assert (ROOT / report / one.lock).is_file()
