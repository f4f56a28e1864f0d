"""What changed since the report that a report replaces: kept in the results, the same however often it is published."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from factories import make_cell, make_environment, make_environment_result, make_results

from asrcompat.cli import main
from asrcompat.explain.changed import Edition
from asrcompat.explain.replaced import changes, kept_locks
from asrcompat.model import Cell, Changes, Device, Environment, Outcome
from asrcompat.report.publish import results_json
from asrcompat.result_files import parse_results
from asrcompat.run.store import Store

ROOT = Path(__file__).parents[1]
ID = "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2"
DAYS = [f"2026-11-{day:02}T01:00:00+00:00" for day in range(1, 8)]


def environment(day: int, transformers: str = "4.41.2", **facts: object) -> Environment:
    packages = {**make_environment().packages, "transformers": transformers}
    return make_environment(ID, packages=packages, ran_at=DAYS[day], **facts)


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
    return changes(before, after, folder="reports")


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
    found, locks = kept_locks(told(before, after), before)
    assert found is not None
    assert found.differences[0].culprit is None
    assert list(found.moved[0].versions) == ["transformers", "numpy"]
    assert locks == {f"locks/{ID}.before.txt": lock(environment(0))}


def test_an_earlier_lock_that_is_gone_is_not_named() -> None:
    before, after = broke()
    found, locks = kept_locks(told(before, after), dataclasses.replace(before, locks={}))
    assert found is not None
    assert (found.moved[0].lock, locks) == (None, {})


@pytest.mark.parametrize("facts", [{"weights": "hub"}, {"profile": "other"}, {"model": "another"}])
def test_with_what_cannot_be_compared_nothing_is_told(facts: dict[str, object]) -> None:
    before, after = broke()
    other = dataclasses.replace(before, results=dataclasses.replace(before.results, **facts))  # type: ignore[arg-type]
    assert told(other, after) is None
    assert told(None, after) is None


def test_the_same_runs_keep_what_was_told_of_them() -> None:
    before, after = broke()
    found = told(before, after)
    again = dataclasses.replace(after, results=dataclasses.replace(after.results, changes=found))
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
