"""What an earlier report tells of searches is told on while the cell fares as it did among the same releases."""

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
from asrcompat.explain.replaced import story
from asrcompat.explain.when import day, in_words
from asrcompat.model import Boundary, BoundaryRun, Cell, Device, Earlier, Outcome, Remedy, RemedyCell, Results, Stage
from asrcompat.report.render import markdown
from asrcompat.report.site import site

THEN = make_environment("e", code="old", lock_sha256="0" * 64)
NOW = replace(THEN, code="new")
OTHER = make_environment("other")
MISSING = "no such file: preprocessor_config.json"
CELLS = tuple(make_cell(THEN, path, Outcome.BROKEN, message=MISSING) for path in ("s3prl-hf", "espnet-s3prl"))
DAY, COMMIT = "2026-11-20T01:00:00+00:00", "0123456789ab"


def cured(path: str, outcome: Outcome = Outcome.WORKS) -> RemedyCell:
    return RemedyCell(path=path, device=Device.CPU, before="broken at load", outcome=outcome)


BOTH = make_remedy(
    "e+change", "e", cells=(cured("s3prl-hf"), cured("espnet-s3prl")), ran_at=DAY, commit=COMMIT, lock_sha256="1" * 64
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
    found_at=DAY,
    commit=COMMIT,
    code="old",
)
BEFORE = make_results(CELLS, [THEN], remedies=(BOTH,), boundaries=(LIMIT,))
AFTER = make_results(CELLS, [NOW])
LOCK = "torch==2.3.1\npackaging==26.3\nfilelock==4.2.12\n"


def edition(results: Results, lock: str = LOCK) -> Edition:
    return Edition(name="", results=results, locks={f"locks/{one.id}.txt": lock for one in results.environments})


def carried(
    after: Results,
    before: Results = BEFORE,
    own: tuple[Remedy, ...] = (),
    records: Mapping[str, Record] | None = None,
) -> tuple[Remedy, ...]:
    return earlier.remedies(edition(after), edition(before), own, records or {})


def with_cell(cell: Cell) -> Results:
    """The present report, the first of its cells another one."""
    return replace(AFTER, cells=(cell, CELLS[1]))


def where(remedies: tuple[Remedy, ...]) -> list[str]:
    return [cell.path for remedy in remedies for cell in remedy.cells]


def test_a_remedy_is_told_on_with_its_day_its_commit_and_its_code() -> None:
    (remedy,) = carried(AFTER)
    assert replace(remedy, cells=BOTH.cells) == BOTH
    for cell in remedy.cells:
        seen = cell.earlier
        assert seen is not None
        assert (seen.seen_at, seen.commit, seen.code, seen.moved) == (DAY, COMMIT, "old", {})
        assert day(seen) == "seen on 2026-11-20"
        assert in_words(seen, NOW) == f"seen on 2026-11-20 by other code or settings of this project ({COMMIT})"
        assert in_words(seen, THEN) == "seen on 2026-11-20"
    assert (day(None), in_words(None, NOW)) == ("", "")


def test_through_any_number_of_reports_it_is_of_the_run_that_saw_it() -> None:
    report = replace(AFTER, remedies=carried(AFTER))
    (remedy,) = carried(make_results(CELLS, [replace(THEN, code="newest")]), report)
    assert {(one.earlier.code, one.earlier.commit) for one in remedy.cells if one.earlier} == {("old", COMMIT)}


@pytest.mark.parametrize(
    ("after", "left"),
    [
        (with_cell(make_cell(NOW, "s3prl-hf")), ["espnet-s3prl"]),
        (with_cell(make_cell(NOW, "s3prl-hf", Outcome.BROKEN, message="another")), ["espnet-s3prl"]),
        (with_cell(make_cell(NOW, "s3prl-hf", Outcome.BROKEN, Stage.STEP, message=MISSING)), ["espnet-s3prl"]),
        (replace(AFTER, cells=CELLS[1:]), ["espnet-s3prl"]),
        (replace(AFTER, environments=(replace(NOW, packages={**NOW.packages, "torch": "2.4.0"}),)), []),
        (replace(AFTER, environments=(replace(NOW, python="3.11"),)), []),
        (replace(AFTER, environments=(replace(NOW, torch_build="cpu"),)), []),
        (replace(AFTER, environments=(replace(NOW, lock=None, lock_sha256=None),)), []),
        (replace(AFTER, profile="nightly"), []),
        (make_results([], [OTHER]), []),
        (replace(AFTER, weights="hub"), []),
        (replace(AFTER, model="someone/else"), []),
    ],
)
def test_of_what_fares_otherwise_or_has_other_releases_nothing_is_told(after: Results, left: list[str]) -> None:
    assert where(carried(after)) == left
    assert list(earlier.boundaries(edition(after), edition(BEFORE), ())) == [], "it is of the cell that changed"


def test_of_results_that_tell_no_code_nothing_is_told() -> None:
    """It could not be said whose code saw it."""
    assert carried(AFTER, replace(BEFORE, environments=(replace(THEN, code=None),))) == ()


def test_cells_of_an_environment_that_a_published_file_lacks_are_passed_over() -> None:
    assert carried(AFTER, replace(BEFORE, environments=(OTHER,))) == ()


def test_what_is_locked_alike_needs_no_text() -> None:
    bare = Edition(name="", results=AFTER)
    assert where(earlier.remedies(bare, Edition(name="", results=BEFORE), (), {})) == ["s3prl-hf", "espnet-s3prl"]


def test_what_its_packages_bring_along_may_move_and_is_told() -> None:
    newer = "torch==2.3.1\npackaging==26.4\nattrs==26.1\n"
    now = edition(replace(AFTER, environments=(replace(NOW, lock_sha256="2" * 64),)), newer)
    moved = {"attrs": ("-", "26.1"), "filelock": ("4.2.12", "-"), "packaging": ("26.3", "26.4")}
    (remedy,) = earlier.remedies(now, edition(BEFORE), (), {})
    (limit,) = earlier.boundaries(now, edition(BEFORE), ())
    seen = limit.earlier
    assert seen is not None
    assert [cell.earlier for cell in remedy.cells] == [seen, replace(seen, fared=remedy.cells[1].earlier.fared)]  # type: ignore[union-attr]
    assert seen.moved == moved
    assert in_words(seen, THEN) == (
        "seen on 2026-11-20; moved since then: attrs - → 26.1, filelock 4.2.12 → -, packaging 26.3 → 26.4"
    )
    many = replace(seen, moved={str(one): ("1", "2") for one in range(10)})
    assert in_words(many, NOW).endswith("7 1 → 2 and 2 more")


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.sampled_from("123")), min_size=2, max_size=5))
def test_what_moved_is_told_from_when_it_was_seen_however_many_reports_ago(days: list[dict[str, str]]) -> None:
    reports = [{"torch": "2.3.1", **one} for one in days]
    locks = ["".join(f"{name}=={version}\n" for name, version in one.items()) for one in reports]
    last = edition(BEFORE, locks[0])
    for number, lock in enumerate(locks[1:]):
        now = replace(AFTER, environments=(replace(NOW, lock_sha256=f"{number + 1}" * 64),))
        remedies = earlier.remedies(edition(now, lock), last, (), {})
        last = edition(replace(now, remedies=remedies), lock)
    (remedy,) = last.results.remedies
    names = set(reports[0]) | set(reports[-1])
    expected = {
        name: pair for name in names if (pair := (reports[0].get(name, "-"), reports[-1].get(name, "-")))[0] != pair[1]
    }
    assert [cell.earlier.moved for cell in remedy.cells if cell.earlier] == [expected] * 2


def outages() -> list[Results]:
    """Reports in which nothing can be said of the cells."""
    error = tuple(make_cell(NOW, cell.path, Outcome.ERROR, message="the hub died") for cell in CELLS)
    absent = tuple(make_cell(NOW, cell.path, Outcome.UNAVAILABLE) for cell in CELLS)
    unresolved = replace(NOW, packages={}, torch_build=None, lock=None, lock_sha256=None)
    elsewhere = make_environment("f")
    others = tuple(make_cell(elsewhere, cell.path) for cell in CELLS)
    return [
        make_results(error, [NOW]),
        make_results(error, [unresolved]),
        make_results(absent, [replace(unresolved, python="3.10")]),
        make_results([], [], missing=("e",)),
        make_results(others, [NOW, elsewhere]),  # it has not come to its cells
    ]


@pytest.mark.parametrize("outage", outages())
def test_an_outage_costs_nothing(outage: Results) -> None:
    now, old = edition(outage), edition(BEFORE)
    told = story(old, now, folder="")
    remedies = earlier.remedies(now, old, (), {})
    assert where(remedies) == ["s3prl-hf", "espnet-s3prl"]
    limits = tuple(earlier.boundaries(now, old, ()))
    shown = attached(replace(outage, boundaries=limits, last=told.last), remedies)
    assert {cell.remedy for cell in shown.cells} <= {None}, "of a cell without verdict none is told"
    assert all("seen on 2026-11-20" in form for form in (markdown(shown), site(shown)["unrecognised.html"]))
    between = Edition(name="", results=shown, locks={**now.locks, **told.locks}, last=told.last)
    assert where(earlier.remedies(edition(AFTER), between, (), {})) == ["s3prl-hf", "espnet-s3prl"]
    assert [one.first_bad for one in earlier.boundaries(edition(AFTER), between, ())] == ["0.4.16"]
    changed = with_cell(make_cell(NOW, "s3prl-hf"))
    assert where(earlier.remedies(edition(changed), between, (), {})) == ["espnet-s3prl"]


def record(looked_at: tuple[str, ...] | None, *remedies: Remedy) -> Record:
    return Record(
        environment="e",
        lock_sha256=NOW.lock_sha256,
        code="new",
        failures=failures_of(CELLS),
        remedies=remedies,
        looked_at=looked_at,
    )


def test_what_was_searched_for_here_takes_its_place_also_where_nothing_was_found() -> None:
    assert where(carried(AFTER, records={"e": record(("s3prl-hf on cpu",))})) == ["espnet-s3prl"]
    assert where(carried(AFTER, records={"e": record(None)})) == [], "one that does not tell looked at all"


def test_a_search_that_found_nothing_out_hides_nothing() -> None:
    """The time was up, or the index down."""
    assert where(carried(AFTER, records={"e": record(())})) == ["s3prl-hf", "espnet-s3prl"]


def test_changes_tried_here_on_some_cells_keep_what_they_did_for_others() -> None:
    own = replace(BOTH, cells=(cured("s3prl-hf"),), ran_at="2026-11-26T01:00:00+00:00")
    (remedy,) = carried(AFTER, own=(own,), records={"e": record(("s3prl-hf on cpu",), own)})
    assert [(cell.path, cell.earlier is None) for cell in remedy.cells] == [("s3prl-hf", True), ("espnet-s3prl", False)]
    assert remedy.ran_at == own.ran_at
    failed = replace(own, verified=False, lock_sha256=None, cells=(cured("s3prl-hf", Outcome.ERROR),))
    (remedy,) = carried(AFTER, own=(failed,), records={"e": record((), failed)})
    assert (where((remedy,)), remedy.verified, remedy.lock_sha256) == (["s3prl-hf", "espnet-s3prl"], True, "1" * 64)
    moved = replace(own, lock_sha256="3" * 64)
    assert carried(AFTER, own=(moved,), records={"e": record(("s3prl-hf on cpu",), moved)}) == (moved,), (
        "by this name there are other packages now"
    )


def test_a_run_here_without_a_verdict_does_not_hide_one_that_had_it() -> None:
    own = replace(BOTH, verified=False, cells=(cured("s3prl-hf", Outcome.ERROR), cured("espnet-s3prl", Outcome.BROKEN)))
    (remedy,) = carried(AFTER, own=(own,), records={"e": record(("espnet-s3prl on cpu",), own)})
    assert remedy.verified
    assert {cell.path: cell.outcome for cell in remedy.cells} == {
        "s3prl-hf": Outcome.WORKS,
        "espnet-s3prl": Outcome.BROKEN,
    }


def test_a_remedy_whose_cured_cell_works_by_now_is_verified_no_more() -> None:
    half = replace(BOTH, cells=(cured("s3prl-hf"), cured("espnet-s3prl", Outcome.BROKEN)))
    (remedy,) = carried(with_cell(make_cell(NOW, "s3prl-hf")), replace(BEFORE, remedies=(half,)))
    assert (where((remedy,)), remedy.verified, remedy.lock) == (["espnet-s3prl"], False, None)


def test_a_cell_has_the_remedy_and_keeps_its_outcome() -> None:
    told = attached(AFTER, carried(AFTER))
    assert [(cell.outcome, cell.remedy) for cell in told.cells] == [(Outcome.BROKEN, "e+change")] * 2


def test_a_boundary_is_told_on_unless_its_question_was_answered_here() -> None:
    def told(*own: Boundary) -> list[Boundary]:
        return list(earlier.boundaries(edition(AFTER), edition(BEFORE), own))

    (one,) = told()
    assert replace(one, earlier=None) == LIMIT
    assert isinstance(one.earlier, Earlier)
    assert told(replace(LIMIT, code="new")) == []
    assert told(replace(LIMIT, direction="older", code="new")) == [one]
    nothing = replace(LIMIT, verdict="no change", code="new", last_good=None, first_bad=None)
    assert told(nothing) == [one], "an end that gave no answer is none"

    def ran(release: str) -> BoundaryRun:
        return BoundaryRun(release=release, attempt=0, answer="bad", told="", environment="", outcome=Outcome.BROKEN)

    assert told(replace(nothing, runs=(ran("0.4.15"), ran("0.4.16")))) == [], "it ran both, and knows better"


def test_of_searches_that_found_nothing_the_last_is_told() -> None:
    nothing = replace(LIMIT, verdict="no change", last_good=None, first_bad=None)
    before = edition(replace(BEFORE, boundaries=(LIMIT, nothing)))
    again = replace(nothing, code="new")
    assert [one.verdict for one in earlier.boundaries(edition(AFTER), before, [again])] == ["found"]


def test_another_build_of_torch_in_its_place_ends_it() -> None:
    """Not while that has no verdict either: what could not be resolved has no build."""
    ours = replace(THEN, id="py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2+cpu")
    cell = replace(CELLS[0], environment=ours.id)
    before = make_results([cell], [ours], remedies=(replace(BOTH, environment=ours.id, cells=(cured("s3prl-hf"),)),))
    other = replace(NOW, id=ours.id.removesuffix("+cpu"))
    assert where(carried(make_results([replace(cell, environment=other.id)], [other]), before)) == []
    error = make_cell(other, "s3prl-hf", Outcome.ERROR, message="the index is down")
    assert where(carried(make_results([error], [other]), before)) == ["s3prl-hf"]


def test_a_patch_of_python_is_told_like_a_package() -> None:
    later = replace(NOW, python="3.10.14")
    before = replace(BEFORE, environments=(replace(THEN, python="3.10.13"),))
    (remedy,) = carried(replace(AFTER, environments=(later,)), before)
    assert [cell.earlier and cell.earlier.moved for cell in remedy.cells] == [{"python": ("3.10.13", "3.10.14")}] * 2


def test_what_never_resolved_has_not_moved() -> None:
    then, now = (replace(one, packages={}, lock=None, lock_sha256=None) for one in (THEN, NOW))
    assert where(carried(make_results(CELLS, [now]), replace(BEFORE, environments=(then,)))) == [
        "s3prl-hf",
        "espnet-s3prl",
    ]


def test_an_outage_with_other_packages_moves_nothing() -> None:
    """Of the lock that was there while nothing had a verdict, nothing was seen."""
    error = tuple(make_cell(NOW, cell.path, Outcome.ERROR, message="the hub died") for cell in CELLS)
    out = edition(make_results(error, [replace(NOW, lock_sha256="2" * 64)]), LOCK.replace("26.3", "26.4"))
    last = edition(BEFORE)
    for now in (out, edition(make_results([], [], missing=("e",)))):
        told = story(last, now, folder="")
        results = replace(now.results, remedies=earlier.remedies(now, last, (), {}), last=told.last)
        last = Edition(name="", results=results, locks={**now.locks, **told.locks}, last=told.last)
    (remedy,) = earlier.remedies(edition(AFTER), last, (), {})
    assert [cell.earlier and cell.earlier.moved for cell in remedy.cells] == [{}, {}]
