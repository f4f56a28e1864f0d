"""What changed since the report that a report replaces: kept in the results, the same however often it is published."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from factories import make_cell as any_cell
from factories import make_environment, make_environment_result, make_evidence, make_results

from asrcompat.cli import main
from asrcompat.explain.changed import Edition
from asrcompat.explain.replaced import Story, story
from asrcompat.model import Cell, Changes, Device, Environment, Outcome
from asrcompat.report.publish import results_json
from asrcompat.result_files import ResultError, parse_results
from asrcompat.run.store import Store

ROOT = Path(__file__).parents[1]
ID = "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2"
DAYS = [f"2026-11-{day:02}T01:00:00+00:00" for day in range(1, 8)]


def environment(day: int, transformers: str = "4.41.2", **facts: object) -> Environment:
    packages = {**make_environment().packages, "transformers": transformers}
    return make_environment(ID, packages=packages, ran_at=DAYS[day], **facts)


def make_cell(one: Environment, path: str = "transformers", outcome: Outcome = Outcome.WORKS) -> Cell:
    """A cell of the day's own run."""
    cell = any_cell(one, path, outcome)
    return dataclasses.replace(cell, evidence=make_evidence(one, started=one.ran_at))


def lock(one: Environment, **others: str) -> str:
    return "".join(f"{name}=={version}\n" for name, version in {**one.packages, "numpy": "1.26.4", **others}.items())


def edition(day: int, one: Environment, *cells: Cell, text: str | None = None, **facts: object) -> Edition:
    results = make_results(list(cells), [one], generated_at=DAYS[day], **facts)
    return Edition(name="", results=results, locks={} if text is None else {one.lock or "": text})


def broke(**others: str) -> tuple[Edition, Edition]:
    old, new = environment(0), environment(1, "5.24.0")
    before = edition(0, old, make_cell(old, "s3prl-hf"), make_cell(old, "transformers"), text=lock(old))
    failing = (make_cell(new, path, Outcome.BROKEN) for path in ("s3prl-hf", "transformers"))
    return before, edition(1, new, *failing, text=lock(new, **others))


def told(before: Edition | None, after: Edition) -> Changes | None:
    return all_told(before, after).changes


def all_told(before: Edition | None, after: Edition) -> Story:
    return story(before, after, folder="reports")


def test_cells_that_changed_alike_are_one_difference_with_its_culprit() -> None:
    found = told(*broke())
    assert found is not None
    (one,) = found.differences
    assert (one.kind, one.before, one.after) == ("regressed", "works", "broken at load")
    assert one.cells == (("s3prl-hf", Device.CPU), ("transformers", Device.CPU))
    assert one.culprit == "transformers"
    (moved,) = found.moved
    assert dict(moved.versions) == {"transformers": ("4.41.2", "5.24.0")}
    assert (found.generated_at, found.folder) == (DAYS[0], "reports")


def test_where_several_moved_none_is_blamed_and_the_earlier_lock_is_kept() -> None:
    before, after = broke(numpy="2.0.0")
    whole = all_told(before, after)
    found, locks = whole.changes, whole.locks
    assert found is not None
    assert found.differences[0].culprit is None
    assert list(found.moved[0].versions) == ["transformers", "numpy"]
    assert locks == {f"locks/{ID}.before.txt": lock(environment(0))}


def test_an_earlier_lock_that_is_gone_is_not_named() -> None:
    before, after = broke()
    whole = all_told(dataclasses.replace(before, locks={}), after)
    assert whole.changes is not None
    assert (whole.changes.moved[0].lock, whole.locks) == (None, {})


@pytest.mark.parametrize("facts", [{"weights": "hub"}, {"profile": "other"}, {"model": "another"}])
def test_with_what_cannot_be_compared_nothing_is_told(facts: dict[str, object]) -> None:
    before, after = broke()
    other = dataclasses.replace(before, results=dataclasses.replace(before.results, **facts))  # type: ignore[arg-type]
    assert told(other, after) is None
    assert told(None, after) is None


def test_the_same_runs_keep_what_was_told_of_them() -> None:
    before, after = broke()
    whole = all_told(before, after)
    found, locks = whole.changes, {**after.locks, **whole.locks}
    again = dataclasses.replace(after, locks=locks, results=dataclasses.replace(after.results, changes=found))
    assert told(again, after) == found
    assert told(after, after) is None, "of a report that had no such record"


def test_where_nothing_changed_there_is_a_record_without_differences() -> None:
    old, new = environment(0), environment(1)
    found = told(edition(0, old, make_cell(old)), edition(1, new, make_cell(new)))
    assert found == Changes(generated_at=DAYS[0], commit="c057ff8a1c62", folder="reports")


def test_it_is_written_and_read_again() -> None:
    before, after = broke()
    results = dataclasses.replace(after.results, changes=told(before, after))
    assert parse_results(results_json(results), source="x").changes == results.changes
    without = json.loads(results_json(results))
    del without["changes"]
    assert parse_results(json.dumps(without), source="an older one").changes is None


def published(tmp_path: Path, one: Environment, outcome: Outcome, *, reports: str = "reports") -> bytes:
    text = "".join(
        f"{line} \\\n    --hash=sha256:0\n" for line in lock(one, numpy=one.packages["transformers"]).split()
    )
    Store(tmp_path, "synthetic-base").write(
        make_environment_result(one, [make_cell(one, "s3prl-hf", outcome)], generated_at=one.ran_at), lock=text
    )
    arguments = ["report", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path), "--quiet"]
    main([*arguments, "--reports", str(tmp_path / reports)])
    return (tmp_path / reports / "results.json").read_bytes()


def test_a_report_tells_what_changed_since_the_one_in_its_place_and_tells_it_again(tmp_path: Path) -> None:
    first = json.loads(published(tmp_path, environment(0), Outcome.WORKS))
    assert first["changes"] is None
    second = published(tmp_path, environment(1, "5.24.0"), Outcome.BROKEN)
    (difference,) = json.loads(second)["changes"]["differences"]
    assert (difference["kind"], difference["culprit"]) == ("regressed", None)
    kept = tmp_path / "reports" / "locks" / f"{ID}.before.txt"
    assert "transformers==4.41.2" in kept.read_text()
    assert published(tmp_path, environment(1, "5.24.0"), Outcome.BROKEN) == second
    assert "transformers==4.41.2" in kept.read_text()
    third = json.loads(published(tmp_path, environment(2, "5.24.0"), Outcome.BROKEN))
    assert third["changes"]["differences"] == []
    assert third["changes"]["generated_at"] == DAYS[1]
    assert not kept.exists()


def night(before: Edition, after: Edition) -> Edition:
    """The report that is published over another, as the next one finds it."""
    found = all_told(before, after)
    results = dataclasses.replace(after.results, changes=found.changes, last=found.last)
    results = parse_results(results_json(results), source="x")
    return dataclasses.replace(after, results=results, locks={**after.locks, **found.locks}, last=results.last)


A, B = (f"py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.{minor}.0" for minor in (41, 57))


def several(day: int, *cells: tuple[str, int, Outcome], transformers: str = "4.41.2", **facts: object) -> Edition:
    """A report on environments, each as it was run on a day of its own."""
    packages = {**make_environment().packages, "transformers": transformers}
    there = [make_environment(name, packages=packages, ran_at=DAYS[ran]) for name, ran, _ in cells]
    found = [make_cell(one, outcome=outcome) for one, (_, _, outcome) in zip(there, cells, strict=True)]
    locks = {one.lock: lock(one) for one in there if one.lock is not None}
    return Edition(name="", results=make_results(found, there, generated_at=DAYS[day], **facts), locks=locks)


def kinds(one: Edition) -> list[tuple[str, str, str | None]]:
    record = one.results.changes
    return [] if record is None else [(each.environment, each.kind, each.since) for each in record.differences]


def test_what_was_not_run_anew_keeps_what_was_told_of_it() -> None:
    first = several(0, (A, 0, Outcome.WORKS), (B, 0, Outcome.WORKS))
    second = night(first, several(1, (A, 1, Outcome.BROKEN), (B, 1, Outcome.ERROR), transformers="5.24.0"))
    assert kinds(second) == [(A, "regressed", None)]
    third = night(second, several(2, (A, 1, Outcome.BROKEN), (B, 2, Outcome.BROKEN), transformers="5.24.0"))
    assert sorted(kinds(third)) == [(A, "regressed", DAYS[0]), (B, "regressed", None)]
    assert third.results.changes is not None
    assert third.results.changes.generated_at == DAYS[1]
    assert {one.environment for one in third.results.changes.moved} == {A, B}
    assert {f"locks/{name}.before.txt" for name in (A, B)} <= set(third.locks)
    fourth = night(third, several(3, (A, 3, Outcome.BROKEN), (B, 2, Outcome.BROKEN), transformers="5.24.0"))
    assert kinds(fourth) == [(B, "regressed", DAYS[1])], "A was run anew, and fares as it did"


@pytest.mark.parametrize("outage", [Outcome.ERROR, Outcome.UNAVAILABLE, None])
def test_what_changed_across_an_outage_is_told_by_the_last_verdict(outage: Outcome | None) -> None:
    both = several(0, (A, 0, Outcome.WORKS), (B, 0, Outcome.WORKS))
    if outage is None:
        second = several(1, (B, 0, Outcome.WORKS), missing=(A,))
    else:
        second = several(1, (A, 1, outage), (B, 0, Outcome.WORKS))
    found = night(night(both, second), second)  # twice over
    assert kinds(found) == []
    (last,) = found.results.last
    assert (last.environment.id, last.environment.lock) == (A, f"locks/{A}.last.txt")
    third = night(found, several(2, (A, 2, Outcome.BROKEN), (B, 0, Outcome.WORKS), transformers="5.24.0"))
    assert kinds(third) == [(A, "regressed", None)]
    assert third.results.changes is not None
    assert third.results.changes.differences[0].culprit == "transformers"
    assert third.results.last == ()


def test_an_outage_that_is_over_leaves_no_trace() -> None:
    first = night(several(0, (A, 0, Outcome.WORKS)), several(1, (A, 1, Outcome.BROKEN), transformers="5.24.0"))
    down = night(first, several(2, (A, 2, Outcome.ERROR)))
    over = night(down, several(1, (A, 1, Outcome.BROKEN), transformers="5.24.0"))
    assert results_json(over.results) == results_json(first.results)
    assert over.locks == first.locks


def test_what_is_not_asked_for_any_more_is_gone_and_waits_for_nothing() -> None:
    first = several(0, (A, 0, Outcome.WORKS), (B, 0, Outcome.WORKS))
    second = night(first, several(1, (B, 0, Outcome.WORKS)))
    assert kinds(second) == [(A, "gone", None)]
    assert second.results.last == ()


def test_a_cell_that_is_run_again_alone_makes_its_fellows_no_newer() -> None:
    def of(day: int, outcome: Outcome, other: Outcome, at: int) -> Edition:
        old = environment(day, "5.24.0")
        cells = [make_cell(environment(at), "s3prl-hf", outcome), make_cell(old, "transformers", other)]
        return edition(day, old, *cells, text=lock(old))

    first = of(0, Outcome.WORKS, Outcome.WORKS, 0)
    second = night(first, of(1, Outcome.BROKEN, Outcome.ERROR, 1))
    third = night(second, of(2, Outcome.BROKEN, Outcome.WORKS, 1))
    assert kinds(third) == [(ID, "regressed", DAYS[0])]


def test_the_terminal_tells_of_the_last_report_what_the_page_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published(tmp_path, environment(0), Outcome.WORKS)
    published(tmp_path, environment(1, "5.24.0"), Outcome.BROKEN)
    told = capsys.readouterr().out
    assert f"since {DAYS[0][:10]}: {ID}, s3prl-hf, cpu: works -> broken at load" in told
    published(tmp_path, environment(1, "5.24.0"), Outcome.BROKEN)
    again = capsys.readouterr().out
    assert again == told.rpartition("1. Install")[1] + told.rpartition("1. Install")[2], "told again, by the same runs"
    assert "New failures" in (tmp_path / "reports" / "compatibility.md").read_text(encoding="utf-8")


def test_a_torn_report_is_told_and_one_that_is_not_there_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published(tmp_path, environment(0), Outcome.WORKS)
    assert "cannot be read" not in capsys.readouterr().out
    file = tmp_path / "reports" / "results.json"
    file.write_bytes(file.read_bytes()[:100])
    assert json.loads(published(tmp_path, environment(1), Outcome.WORKS))["changes"] is None
    said = capsys.readouterr()
    assert "the report that this one replaces cannot be read" in said.out + said.err


@pytest.mark.parametrize("name", ["../elsewhere/private.txt", "/etc/hostname", "locks/../x.txt", "locks/..", "x.txt"])
def test_a_lock_outside_of_the_reports_folder_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = json.loads(published(tmp_path, environment(0), Outcome.WORKS))
    told["environments"][0]["lock"] = name
    with pytest.raises(ResultError, match="is no lock's name"):
        parse_results(json.dumps(told), source="results.json")
    (tmp_path / "reports" / "results.json").write_text(json.dumps(told), encoding="utf-8")
    before = {file for file in tmp_path.rglob("*") if "reports" not in file.parts}
    published(tmp_path, environment(1, "5.24.0"), Outcome.BROKEN)
    assert {file for file in tmp_path.rglob("*") if "reports" not in file.parts} == before
    said = capsys.readouterr()
    assert "is no lock's name" in said.out + said.err


def test_across_an_outage_the_lock_of_the_last_verdict_is_kept(tmp_path: Path) -> None:
    published(tmp_path, environment(0), Outcome.WORKS)
    published(tmp_path, environment(1, "5.24.0"), Outcome.ERROR)
    locks = tmp_path / "reports" / "locks"
    assert "transformers==4.41.2" in (locks / f"{ID}.last.txt").read_text()
    told = json.loads(published(tmp_path, environment(2, "5.24.0"), Outcome.BROKEN))
    (difference,) = told["changes"]["differences"]
    (moved,) = told["changes"]["moved"]
    assert difference["kind"] == "regressed"
    assert (moved["whole"], moved["lock"]) == (True, f"locks/{ID}.before.txt")
    assert "transformers==4.41.2" in (locks / f"{ID}.before.txt").read_text()
    assert sorted(file.name for file in locks.iterdir()) == [f"{ID}.before.txt", f"{ID}.txt"]
