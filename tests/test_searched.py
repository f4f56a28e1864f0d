"""What a report tells of searches: of cells that fare as they did, also where the record of it is gone."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from conftest import ROOT
from cures import catalogue, missing_file
from factories import make_cell, make_results
from miniature import MiniatureIndex
from test_remedies_command import command, index
from tiny_lab import Surroundings

from asrcompat import cli
from asrcompat.explain.remedies import record
from asrcompat.explain.remedies.attach import on_record, standing
from asrcompat.result_files import parse_results
from asrcompat.run.store import Store

__all__ = ["command", "index"]  # fixtures


def test_what_works_or_fails_otherwise_by_now_is_no_longer_told_of(
    bench: Surroundings, command: list[str], index: MiniatureIndex
) -> None:
    bench.__dict__["known"] = catalogue(missing_file(("file", "preprocessor_config.json")))
    assert cli.main(command) == 0
    at = record.folder(bench.settings.work, "synthetic-base")
    base = bench.base()
    (cell,) = base.cells
    other = tuple(replace(one, message="another", data={"causes": ["OSError: another"]}) for one in cell.checks)
    now = {
        "as it was": cell,
        "works": make_cell(base.environment, cell.path),
        "fails otherwise": replace(cell, message="another", checks=other),
    }
    found = {
        name: standing(of, on_record(of, at, warn=lambda _: None))
        for name, one in now.items()
        for of in [make_results([one], [base.environment])]
    }
    assert {name: len(remedies) for name, remedies in found.items()} == {
        "as it was": 1,
        "works": 0,
        "fails otherwise": 0,
    }
    elsewhere = replace(base.environment, code="other")
    said: list[str] = []
    assert on_record(make_results([cell], [elsewhere]), at, warn=said.append) == {}
    assert "by other code of this project" in said[0]


def test_a_report_tells_on_of_a_cure_whose_lock_or_record_is_gone_or_of_other_code(
    bench: Surroundings, command: list[str], tmp_path: Path
) -> None:
    bench.__dict__["known"] = catalogue(missing_file(("file", "preprocessor_config.json")))
    shutil.copytree(ROOT / "fixtures" / "claims", tmp_path / "fixtures" / "claims")
    report = ["report", *command[1:]]
    assert cli.main(command) == 0
    cli.main(report)
    published = tmp_path / "reports"

    def told() -> list[tuple[str | None, str | None]]:
        results = parse_results((published / "results.json").read_bytes(), source="reports")
        assert [one for cell in results.cells if (one := cell.remedy)] == [one.id for one in results.remedies]
        return [
            (None if cell.earlier is None else cell.earlier.code, one.lock)
            for one in results.remedies
            for cell in one.cells
        ]

    (known,) = told()
    assert known[0] is None
    assert known[1] is not None
    text = (published / known[1]).read_text(encoding="utf-8")
    at = record.folder(bench.settings.work, "synthetic-base")
    base = bench.base()
    other = replace(base, environment=replace(base.environment, code="other"))
    for lose in (
        (at / str(known[1])).unlink,
        lambda: Store(bench.settings.work, "synthetic-base").write(other, lock=bench.laboratory().lock(base)),
        lambda: shutil.rmtree(at),
    ):
        lose()
        cli.main(report)
        assert told() == [(base.environment.code, known[1])]
        assert (published / known[1]).read_text(encoding="utf-8") == text
    (published / known[1]).unlink()
    cli.main(report)
    assert told() == [], "without its lock nobody can make it again"
