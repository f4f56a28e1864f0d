"""What an earlier report tells of searches stands where its environment and the cell's failure are as they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from factories import make_cell, make_environment, make_remedy, make_results

from asrcompat.explain import earlier
from asrcompat.explain.remedies.attach import attached
from asrcompat.explain.remedies.record import Record, failures_of
from asrcompat.model import Boundary, Cell, Device, Outcome, Remedy, RemedyCell, Results, Stage
from asrcompat.report.boundaries import boundaries
from asrcompat.report.environments import rows
from asrcompat.report.render import markdown
from asrcompat.report.site import site

THEN = make_environment("e", code="old")
NOW = replace(THEN, code="new")
MISSING = "no such file: preprocessor_config.json"
CELLS = tuple(make_cell(THEN, path, Outcome.BROKEN, message=MISSING) for path in ("s3prl-hf", "espnet-s3prl"))
BOTH = make_remedy(
    "e+change",
    "e",
    cells=tuple(
        RemedyCell(path=cell.path, device=Device.CPU, before="broken at load", outcome=Outcome.WORKS) for cell in CELLS
    ),
    ran_at="2026-11-20T01:00:00+00:00",
    commit="0123456789ab",
)
LIMIT = Boundary(
    environment="e",
    axis="s3prl",
    path="s3prl-hf",
    device=Device.CPU,
    stage=None,
    direction="newer",
    verdict="found",
    last_good="0.4.15",
    first_bad="0.4.16",
    found_at="2026-11-20T01:00:00+00:00",
    commit="0123456789ab",
    lock_sha256=THEN.lock_sha256,
    code="old",
)
BEFORE = make_results(CELLS, [THEN], remedies=(BOTH,), boundaries=(LIMIT,))
AFTER = make_results(CELLS, [NOW])


def carried(after: Results, before: Results = BEFORE, records: Mapping[str, Record] | None = None) -> list[Remedy]:
    return list(earlier.remedies(after, before, records or {}))


def with_cell(cell: Cell) -> Results:
    """The present report, the first of its cells another one."""
    return replace(AFTER, cells=(cell, CELLS[1]))


def test_a_remedy_stands_with_its_day_and_the_code_that_found_it() -> None:
    (remedy,) = carried(AFTER)
    assert remedy == replace(BOTH, code="old")
    assert earlier.in_words(remedy, NOW) == "seen on 2026-11-20 by earlier code of this project (0123456789ab)"
    assert earlier.in_words(BOTH, NOW) == "", "one that the present code found needs no word"


def test_it_stands_through_any_number_of_reports_by_the_code_that_found_it() -> None:
    report = replace(AFTER, remedies=tuple(carried(AFTER)))
    newest = make_results(CELLS, [replace(THEN, code="newest")])
    assert [one.code for one in carried(newest, report)] == ["old"]


@pytest.mark.parametrize(
    ("after", "left"),
    [
        (with_cell(make_cell(NOW, "s3prl-hf")), ["espnet-s3prl"]),
        (with_cell(make_cell(NOW, "s3prl-hf", Outcome.BROKEN, message="another")), ["espnet-s3prl"]),
        (with_cell(make_cell(NOW, "s3prl-hf", Outcome.BROKEN, Stage.STEP, message=MISSING)), ["espnet-s3prl"]),
        (with_cell(make_cell(NOW, "s3prl-hf", Outcome.ERROR, message=MISSING)), ["espnet-s3prl"]),
        (replace(AFTER, cells=CELLS[1:]), ["espnet-s3prl"]),
        (replace(AFTER, environments=(replace(NOW, lock_sha256="1" * 64),)), []),
        (replace(AFTER, environments=(replace(NOW, lock_sha256=None),)), []),
        (replace(AFTER, weights="hub"), []),
        (replace(AFTER, model="someone/else"), []),
    ],
)
def test_of_what_fares_otherwise_or_has_other_packages_nothing_is_told(after: Results, left: list[str]) -> None:
    assert [cell.path for remedy in carried(after) for cell in remedy.cells] == left
    told = earlier.boundaries(after, BEFORE, ())
    assert [one.path for one in told] == [], "the boundary is of the cell that changed"


def test_packages_of_which_no_lock_was_ever_known_are_not_the_same() -> None:
    before = replace(BEFORE, environments=(replace(THEN, lock_sha256=None),))
    assert carried(replace(AFTER, environments=(replace(NOW, lock_sha256=None),)), before) == []


def test_what_is_on_record_here_takes_its_place() -> None:
    """Also where it found nothing: of that cell the present code knows better."""
    first, second = CELLS
    nothing = Record(
        environment="e", lock_sha256=THEN.lock_sha256, code="new", failures=failures_of([first]), remedies=()
    )
    (remedy,) = carried(AFTER, records={"e": nothing})
    assert [cell.path for cell in remedy.cells] == [second.path]
    same = replace(nothing, remedies=(make_remedy("e+change", "e"),))
    assert carried(AFTER, records={"e": same}) == [], "one change is told of once"


def test_a_cell_has_the_remedy_and_keeps_its_outcome() -> None:
    told = attached(AFTER, carried(AFTER))
    assert [(cell.outcome, cell.remedy) for cell in told.cells] == [(Outcome.BROKEN, "e+change")] * 2


def test_a_boundary_stands_unless_its_question_was_asked_again() -> None:
    assert list(earlier.boundaries(AFTER, BEFORE, ())) == [LIMIT]
    assert list(earlier.boundaries(AFTER, BEFORE, [replace(LIMIT, verdict="unsure", code="new")])) == []
    other = replace(LIMIT, direction="older", code="new")
    assert list(earlier.boundaries(AFTER, BEFORE, [other])) == [LIMIT]


def test_every_form_says_which_code_saw_it() -> None:
    told = replace(attached(AFTER, carried(AFTER)), boundaries=(LIMIT,))
    word = "by earlier code of this project (0123456789ab)"
    assert f"- seen on 2026-11-20 {word}" in markdown(told)
    assert any(f"<li>seen on 2026-11-20 {word}</li>" in page for page in site(told).values())
    laid_out = boundaries(told.boundaries, rows(told.environments, told.cells))
    assert laid_out is not None
    assert [line.entries[-1].text for line in laid_out.grid.lines] == [f"2026-11-20 {word}"]
    plain = replace(attached(AFTER, [BOTH]), boundaries=(replace(LIMIT, code="new"),))
    assert word not in markdown(plain)
