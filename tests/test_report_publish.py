"""The published folder: every form, whole or untouched; and the schema of its source."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from core_results import make_core_results
from factories import make_cell, make_check, make_results

import asrcompat
from asrcompat.errors import HarnessError
from asrcompat.model import Outcome, Stage
from asrcompat.report import publish as module
from asrcompat.report.publish import publish, results_json
from asrcompat.report.site import site
from asrcompat.result_files import parse_results, results_json_schema, write_schema

FORMS = [
    "badge.json",
    "claims.md",
    "compatibility.md",
    "findings.md",
    "junit.xml",
    "results.json",
    "signatures.md",
]
SCHEMA = Path(asrcompat.__file__).with_name("results.schema.json")


def contents(folder: Path) -> dict[str, bytes]:
    """Give what a folder holds, hidden files too."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_form_is_written_the_same_each_time(tmp_path: Path) -> None:
    written = publish(make_core_results(), tmp_path / "one" / "reports")
    publish(make_core_results(), tmp_path / "two")
    assert sorted(path.name for path in written) == sorted([*FORMS, *site(make_core_results())])
    assert sorted(contents(tmp_path / "two")) == sorted(path.name for path in written)
    assert contents(tmp_path / "one" / "reports") == contents(tmp_path / "two")


def test_other_files_in_the_folder_stay(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "results.json").write_text("old", encoding="utf-8")
    publish(make_results(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FORMS, *site(make_results()), "locks"])
    assert parse_results((tmp_path / "results.json").read_bytes(), source="x") == make_results()


def test_pages_of_an_earlier_report_go_and_nobody_elses(tmp_path: Path) -> None:
    publish(make_core_results(), tmp_path)
    left = {"claims.html", "unrecognised.html", "findings.html"}
    publish(make_core_results(), tmp_path / "other")
    theirs = {
        "notes.html": (tmp_path / "made.html").read_text(encoding="utf-8"),  # a name that no page has
        "cause-of-mine.html": "<!doctype html><title>Mine</title>",
        "coverage.html": "",
    }
    for name, text in theirs.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "cause-gone.html").write_text((tmp_path / "made.html").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "cause-linked.html").symlink_to(tmp_path / "other" / "made.html")
    (tmp_path / "cause-folder.html").mkdir()
    publish(make_results(), tmp_path)
    there = {path.name for path in tmp_path.glob("*.html")}
    assert there == {*site(make_results()), *theirs, "cause-linked.html", "cause-folder.html"}
    assert "unrecognised.html" in left - there
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in theirs} == theirs
    assert (tmp_path / "other" / "made.html").is_file()


def test_contradictions_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="broken without a message"):
        publish(make_results([make_cell(outcome=Outcome.BROKEN, message="", exception=None)]), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_full_disk_leaves_the_last_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(make_results(), tmp_path)
    before = contents(tmp_path)
    calls = 0

    def fsync(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fsync)
    with pytest.raises(OSError, match="No space left"):
        publish(make_core_results(), tmp_path)
    assert contents(tmp_path) == before


def test_a_form_that_cannot_be_made_leaves_the_last_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(make_results(), tmp_path)
    before = contents(tmp_path)
    monkeypatch.setattr(module, "badge", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        publish(make_core_results(), tmp_path)
    assert contents(tmp_path) == before


def test_results_json_is_strict_whatever_was_measured() -> None:
    data = {"loss": float("nan"), "losses": [1.0, float("inf")], "text": "half \ud800 pair"}
    text = results_json(make_results([make_cell(checks=(make_check(Stage.TRAIN, data=data),))]))
    text.encode("utf-8")

    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is no JSON")

    json.loads(text, parse_constant=refuse)
    read = parse_results(text, source="results.json").cells[0].checks[0].data
    assert read == {"loss": None, "losses": [1.0, None], "text": "half ? pair"}


def test_results_json_has_a_line_for_each_value_and_little_indent() -> None:
    lines = results_json(make_results()).splitlines()
    assert lines[1].startswith(' "schema"')
    assert len(lines) > 100


def test_the_schema_file_is_the_models() -> None:
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == results_json_schema(), (
        'write it again: python -c "from pathlib import Path; from asrcompat import result_files; '
        "result_files.write_schema(Path('asrcompat/results.schema.json'))\""
    )


def test_the_schema_file_is_written_as_it_stands(tmp_path: Path) -> None:
    write_schema(tmp_path / "schema.json")
    assert (tmp_path / "schema.json").read_bytes() == SCHEMA.read_bytes()


def test_published_results_keep_the_schema() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    value = json.loads(results_json(make_core_results()))
    jsonschema.validate(value, schema)
    value["cells"][0]["outcome"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, schema)
