"""What an earlier report tells of searches stands where its environment and the cell's failure are as they were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from factories import make_cell, make_environment, make_remedy, make_results
from hypothesis import given
from hypothesis import strategies as st

from asrcompat.explain import earlier
from asrcompat.explain.changed import Edition
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
LOCK = "torch==2.3.1\npackaging==26.3\nfilelock==4.2.12\n"


def edition(results: Results, lock: str = LOCK) -> Edition:
    return Edition(name="", results=results, locks={f"locks/{one.id}.txt": lock for one in results.environments})


def carried(after: Results, before: Results = BEFORE, records: Mapping[str, Record] | None = None) -> list[Remedy]:
    return list(earlier.remedies(edition(after), edition(before), records or {}))


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
        (replace(AFTER, environments=(replace(NOW, packages={**NOW.packages, "torch": "2.4.0"}),)), []),
        (replace(AFTER, environments=(replace(NOW, python="3.11"),)), []),
        (replace(AFTER, environments=(replace(NOW, torch_build="cpu"),)), []),
        (replace(AFTER, environments=(replace(NOW, lock=None),)), []),
        (replace(AFTER, weights="hub"), []),
        (replace(AFTER, model="someone/else"), []),
    ],
)
def test_of_what_fares_otherwise_or_has_other_packages_nothing_is_told(after: Results, left: list[str]) -> None:
    assert [cell.path for remedy in carried(after) for cell in remedy.cells] == left
    told = earlier.boundaries(edition(after), edition(BEFORE), ())
    assert [one.path for one in told] == [], "the boundary is of the cell that changed"


def test_what_its_packages_bring_along_may_move_and_is_told() -> None:
    newer = "torch==2.3.1\npackaging==26.4\nattrs==26.1\n"
    (remedy,) = earlier.remedies(edition(AFTER, newer), edition(BEFORE), {})
    moved = {"attrs": ("-", "26.1"), "filelock": ("4.2.12", "-"), "packaging": ("26.3", "26.4")}
    assert remedy.moved == moved
    assert earlier.in_words(remedy, NOW).endswith(
        "; moved since then: attrs - → 26.1, filelock 4.2.12 → -, packaging 26.3 → 26.4"
    )
    same_code = replace(remedy, code=NOW.code)
    assert earlier.in_words(same_code, NOW).startswith("seen on 2026-11-20; moved since then: attrs")
    (limit,) = earlier.boundaries(edition(AFTER, newer), edition(BEFORE), ())
    assert limit == replace(LIMIT, moved=moved)
    assert earlier.in_words(replace(limit, moved={str(one): ("1", "2") for one in range(10)}), NOW).endswith(
        "7 1 → 2 and 2 more"
    )


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.sampled_from("123")), min_size=2, max_size=5))
def test_what_moved_is_told_from_when_it_was_seen_however_many_reports_ago(days: list[dict[str, str]]) -> None:
    reports = [{"torch": "2.3.1", **day} for day in days]
    locks = ["".join(f"{name}=={version}\n" for name, version in one.items()) for one in reports]
    last = edition(BEFORE, locks[0])
    for lock in locks[1:]:
        remedies = tuple(earlier.remedies(edition(AFTER, lock), last, {}))
        last = edition(replace(AFTER, remedies=remedies), lock)
    (remedy,) = last.results.remedies
    names = set(reports[0]) | set(reports[-1])
    assert remedy.moved == {
        name: pair for name in names if (pair := (reports[0].get(name, "-"), reports[-1].get(name, "-")))[0] != pair[1]
    }


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
    assert list(earlier.boundaries(edition(AFTER), edition(BEFORE), ())) == [LIMIT]
    assert (
        list(earlier.boundaries(edition(AFTER), edition(BEFORE), [replace(LIMIT, verdict="unsure", code="new")])) == []
    )
    other = replace(LIMIT, direction="older", code="new")
    assert list(earlier.boundaries(edition(AFTER), edition(BEFORE), [other])) == [LIMIT]


def test_every_form_says_which_code_saw_it() -> None:
    told = replace(attached(AFTER, carried(AFTER)), boundaries=(LIMIT,))
    word = "by earlier code of this project (0123456789ab)"
    assert f"- seen on 2026-11-20 {word}" in markdown(told)
    assert any(f"<li>seen on 2026-11-20 {word}</li>" in page for page in site(told).values())
    laid_out = boundaries(told.boundaries, rows(told.environments, told.cells))
    assert laid_out is not None
    assert [line.entries[-1].text for line in laid_out.grid.lines] == [f"seen on 2026-11-20 {word}"]
    plain = replace(attached(AFTER, [BOTH]), boundaries=(replace(LIMIT, code="new"),))
    assert word not in markdown(plain)
