"""The three things to know: in order, from the same answer as the page's, and each with what to do next."""

from __future__ import annotations

import shlex
from dataclasses import replace

import pytest
from conftest import ROOT
from factories import PATHS, make_cell, make_environment, make_remedy, make_results

from asrcompat.explain.changed import Edition
from asrcompat.explain.replaced import story
from asrcompat.model import Cell, Device, Environment, Outcome, Results, Stage
from asrcompat.report.three import Three, data, in_folder, lines, three
from asrcompat.report.view import view
from asrcompat.result_files import parse_results


def environment(torch: str) -> Environment:
    return make_environment(f"torch{torch}", packages={**make_environment().packages, "torch": torch})


def results_of(one: Environment, *broken: str, outcome: Outcome = Outcome.BROKEN, **changes: object) -> Results:
    cells = [make_cell(one, path, outcome if path in broken else Outcome.WORKS) for path in PATHS]
    return replace(make_results(cells, [one]), **changes)  # type: ignore[arg-type]


def told(results: Results, before: Results | None = None, *choices: str) -> Three:
    old = None if before is None else Edition(name="old", results=before, locks=locks_of(before))
    if old is not None:
        results = later(results)
        new = Edition(name="new", results=results, locks=locks_of(results))
        results = replace(results, changes=story(old, new, folder="reports").changes)
    return three(results, view(results), choices=choices)


def locks_of(results: Results) -> dict[str, str]:
    pairs = (
        (one, "".join(f"{name}=={version}\n" for name, version in one.packages.items())) for one in results.environments
    )
    return {one.lock: text for one, text in pairs if one.lock is not None}


def later(results: Results) -> Results:
    """Of a run of its own."""
    environments = tuple(replace(one, ran_at="2026-11-29T00:00:00+00:00") for one in results.environments)
    cells = (
        cell if cell.evidence is None else replace(cell, evidence=replace(cell.evidence, started="2026-11-29"))
        for cell in results.cells
    )
    return replace(results, environments=environments, cells=tuple(cells))


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
    blank = in_folder(one, "my reports/$(x)")
    assert shlex.split(blank.command)[-1] == "my reports/$(x)/locks/torch2.3.1.txt"


def test_a_lock_of_a_strange_name_is_one_word_of_a_shells() -> None:
    strange = make_environment("e", lock="locks/a b;$(touch x)'.txt")
    (one,) = told(results_of(strange)).install
    assert shlex.split(one.command.splitlines()[1])[-1] == strange.lock
    assert shlex.split(in_folder(one, "r").command)[-1] == f"r/{strange.lock}"


def test_what_is_worse_than_in_the_last_report_is_told_with_what_to_run_next() -> None:
    one = environment("2.3.1")
    found = told(results_of(one, "s3prl-hf"), results_of(one), "--profile", "wide", "--paths", "s3prl-hf")
    assert [(each.path, each.after) for each in found.since] == [("s3prl-hf", "broken at load")]
    assert "since 2026" in text(found)
    commands = [each.command for each in found.next]
    assert commands == [
        "nox -s remedy -- --profile wide --environments torch2.3.1 --paths s3prl-hf",
        'nox -s "torch2.3.1" -- --weights synthetic-base --paths s3prl-hf --devices cpu --again',
    ]


def moved(device: Device = Device.CPU, *, code: str = "c0de", **packages: str) -> list[tuple[str, str]]:
    """What is to be done next where these moved, beside a search for a cure."""
    before, after = make_environment("e"), make_environment("e", code=code)
    after = replace(after, packages={**after.packages, **packages})
    good, bad = (
        replace(one, cells=tuple(replace(cell, device=device) for cell in one.cells))
        for one in (results_of(before), results_of(after, "s3prl-hf"))
    )
    search, *others = told(bad, good, "--work", "a folder", "--torch-index", "none").next
    assert search.command.endswith("--devices cuda") is (device is Device.CUDA)
    assert "--work 'a folder' --torch-index none" in search.command
    return [(one.says, one.command) for one in others]


def test_a_package_that_alone_moved_is_named_to_be_searched() -> None:
    ((says, command),) = moved(transformers="5.0.0")
    assert says == "which release of transformers did it, of s3prl-hf in e"
    assert command == (
        "nox -s bisect -- --axis transformers --good 4.41.2 --bad 5.0.0 --environment e --path s3prl-hf "
        "--profile core --weights synthetic-base --work 'a folder' --torch-index none"
    )


@pytest.mark.parametrize(
    ("packages", "says", "words"),
    [
        ({"transformers": "5.0.0", "numpy": "2"}, "which of these did it", "--locks reports/locks/e.before.txt"),
        ({"transformers": "5.0.0", "code": "other"}, "whether it was transformers", "--axis transformers"),
        ({"annotated-doc": "1"}, None, ""),
        ({"torch": "2.3.1+cu121"}, None, ""),
    ],
)
def test_none_is_named_as_the_culprit_without_proof(packages: dict[str, str], says: str | None, words: str) -> None:
    found = moved(**packages)  # type: ignore[arg-type]
    if says is None:
        assert found == []
        return
    ((told_as, command),) = found
    assert told_as.startswith(says)
    assert words in command


def test_where_a_session_has_to_be_planned_first_that_is_said_too() -> None:
    one = make_environment("e")
    old, new = results_of(one), later(results_of(one, "s3prl-hf"))
    record = story(Edition(name="old", results=old), Edition(name="new", results=new), folder="reports").changes
    told_of = view(replace(new, changes=record))
    assert told_of.changed is not None
    (group,) = told_of.changed.groups
    line = replace(group.lines[0], command=f"nox -s plan -- --profile core\n{group.lines[0].command}")
    shown = replace(told_of, changed=replace(told_of.changed, groups=(replace(group, lines=(line,)),)))
    found = three(replace(new, changes=record), shown, choices=("--work", "w"))
    assert found.next[1].command.splitlines() == [
        "nox -s plan -- --profile core --work w",
        'nox -s "e" -- --weights synthetic-base --paths s3prl-hf --devices cpu --again --work w',
    ]
    assert "core --work w && nox -s" in text(found)


def test_what_fails_on_a_gpu_is_searched_on_one() -> None:
    ((_, command),) = moved(Device.CUDA, transformers="5.0.0")
    assert "--devices cuda" in command


def test_a_verified_cure_comes_in_place_of_a_search() -> None:
    one = environment("2.3.1")
    results = results_of(one, "s3prl-hf")
    remedy = make_remedy("cured", one.id)
    cells = tuple(replace(each, remedy="cured") if each.path == "s3prl-hf" else each for each in results.cells)
    found = told(replace(results, cells=cells, remedies=(remedy,)), results_of(one))
    (step,) = found.next
    assert step.command == ""
    assert "works in 1" in step.says


def test_a_cure_of_some_cells_is_none_of_the_others() -> None:
    one = environment("2.3.1")
    results = results_of(one, "s3prl-hf", "espnet-s3prl")
    remedy = make_remedy("cured", one.id)
    cells = tuple(replace(each, remedy="cured") if each.path == "s3prl-hf" else each for each in results.cells)
    cure, search, *_ = told(replace(results, cells=cells, remedies=(remedy,)), results_of(one)).next
    assert "works in 1" in cure.says
    assert search.command == "nox -s remedy -- --environments torch2.3.1 --paths espnet-s3prl"


@pytest.mark.parametrize("missing", [(), ("gone",)])
def test_what_is_not_known_comes_first(missing: tuple[str, ...]) -> None:
    results = results_of(environment("2.3.1"), "s3prl-hf", outcome=Outcome.ERROR, missing=missing)
    first = told(results, None, "--profile", "smoke").next[0]
    assert first.command == "nox -s matrix -- " + ("" if missing else "--retry-errors ") + "--profile smoke"
    assert "1 cell ended in an error" in first.says


def test_where_expected_cells_have_no_result_the_matrix_is_to_be_run() -> None:
    one = environment("2.3.1")
    entries = [{"environment": one.id, "path": path, "device": "cpu", "found": "missing"} for path in PATHS[:2]]
    entries.append({"environment": one.id, "path": PATHS[2], "device": "cpu", "found": "error"})
    (first,) = told(
        results_of(one, expectations={"exit_code": 3, "unfinished": entries}), None, "--profile", "smoke"
    ).next
    assert first.says == "not known yet: 2 cells without a result"
    assert first.command == "nox -s matrix -- --profile smoke"


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
