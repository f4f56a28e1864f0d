"""What is published is judged with what else is known."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import pytest
from factories import make_cell, make_environment, make_environment_result

from asrcompat.cli import main
from asrcompat.lab.change import Change, Kind
from asrcompat.lab.experiments import mark
from asrcompat.lab.known import Known
from asrcompat.model import Environment, Outcome
from asrcompat.options import parse
from asrcompat.report.newest import BEGIN, END
from asrcompat.reporting import neighbours
from asrcompat.result_files import dump
from asrcompat.run.store import Store

ROOT = Path(__file__).parents[1]
BASE = "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2"
OTHER = BASE.replace("0.4.14", "0.4.15")


def lock_of(environment: Environment) -> str:
    return "".join(f"{name}=={version} \\\n    --hash=sha256:0\n" for name, version in environment.packages.items())


@pytest.mark.parametrize(("kind", "value"), [("axis", "s3prl=0.4.15"), ("file", "preprocessor_config.json")])
def test_rules_build_on_the_laboratorys_runs_of_packages_alone(tmp_path: Path, kind: Kind, value: str) -> None:
    base = make_environment(BASE)
    base = replace(base, packages={**base.packages, "s3prl": "0.4.14"})
    moved = replace(base, id=f"{BASE}+x", lock=f"locks/{BASE}+x.txt", derived_from=BASE)
    moved = replace(moved, packages={**base.packages, "s3prl": "0.4.15"}, lock_sha256="f" * 64)
    broken = make_cell(base, "s3prl-hf", Outcome.BROKEN, exception="OddError", message="odd")
    Store(tmp_path, "synthetic-base").write(make_environment_result(base, [broken]), lock=lock_of(base))
    folder = tmp_path / "lab" / "results" / "synthetic-base"
    tried = make_environment_result(moved, [make_cell(moved, "s3prl-hf")])
    Known(folder).keep("key", tried, lock_of(moved))
    mark(folder, "key", BASE, (Change(kind=kind, value=value),))
    arguments = ["report", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path)]
    main([*arguments, "--reports", str(tmp_path / "reports")])
    told = json.loads((tmp_path / "reports" / "results.json").read_text(encoding="utf-8"))
    (rule,) = told["rules"]
    assert rule["verdict"] == ("found" if kind == "axis" else "everywhere")
    assert rule["not_failing"]["environments"] == ([moved.id] if kind == "axis" else [])
    assert [one["id"] for one in told["environments"]] == [BASE]


def published(tmp_path: Path, *environments: Environment) -> dict[str, object]:
    store = Store(tmp_path, "synthetic-base")
    for one in environments:
        store.write(make_environment_result(one, [make_cell(one, "s3prl-hf")]), lock=lock_of(one))
    arguments = ["report", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path)]
    main([*arguments, "--reports", str(tmp_path / "reports")])
    found: dict[str, object] = json.loads((tmp_path / "reports" / "results.json").read_text(encoding="utf-8"))
    return found


def test_only_locks_that_the_last_report_named_are_removed(tmp_path: Path) -> None:
    base, other = make_environment(BASE), make_environment(OTHER)
    published(tmp_path, base, other)
    folder = tmp_path / "reports" / "locks"
    (folder / "mine.txt").write_text("numpy\n", encoding="utf-8")
    assert sorted(one.name for one in folder.iterdir()) == sorted(["mine.txt", f"{BASE}.txt", f"{OTHER}.txt"])
    Store(tmp_path, "synthetic-base").remove(OTHER)
    published(tmp_path, base)
    kept = [f"{BASE}.txt", f"{OTHER}.last.txt"]  # it is missing, and its next verdict is compared with the last
    assert sorted(one.name for one in folder.iterdir()) == sorted(["mine.txt", *kept])


def test_a_lock_that_is_gone_is_told_and_the_rest_is_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, other = make_environment(BASE), make_environment(OTHER)
    published(tmp_path, base, other)
    (Store(tmp_path, "synthetic-base").folder / str(other.lock)).unlink()
    arguments = ["report", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path)]
    main([*arguments, "--reports", str(tmp_path / "again")])
    assert f"{OTHER}: its lock cannot be read" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "again" / "results.json").read_text(encoding="utf-8"))["environments"]) == 2


def test_a_row_of_another_host_joins_no_rule_by_itself(tmp_path: Path) -> None:
    base = make_environment(BASE)
    base = replace(base, packages={**base.packages, "s3prl": "0.4.14"})
    mine = replace(base, id="doctor-laptop", lock="locks/doctor-laptop.txt", host="laptop")
    mine = replace(mine, packages={**base.packages, "s3prl": "0.4.15"}, lock_sha256="f" * 64)
    store = Store(tmp_path, "synthetic-base")
    store.write(make_environment_result(mine, [make_cell(mine, "s3prl-hf")]), lock=lock_of(mine))
    broken = make_cell(base, "s3prl-hf", Outcome.BROKEN, exception="OddError", message="odd")
    store.write(make_environment_result(base, [broken]), lock=lock_of(base))
    arguments = ["report", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path)]
    main([*arguments, "--reports", str(tmp_path / "reports")])
    told = (tmp_path / "reports" / "results.json").read_text(encoding="utf-8")
    assert "laptop" not in told
    assert [one["verdict"] for one in json.loads(told)["rules"]] == ["everywhere"]


@pytest.mark.parametrize("installed", ["s3prl==0.4.15", "s3prl @ git+https://example.org/s3prl@abc  # 0.4.15"])
def test_what_is_no_release_is_a_row_and_no_evidence(tmp_path: Path, installed: str) -> None:
    base = make_environment(BASE)
    base = replace(base, packages={**base.packages, "s3prl": "0.4.14"})
    broken = make_cell(base, "s3prl-hf", Outcome.BROKEN, exception="OddError", message="odd")
    Store(tmp_path, "synthetic-base").write(make_environment_result(base, [broken]), lock=lock_of(base))
    others = [f"{name}=={version}" for name, version in base.packages.items() if name != "s3prl"]
    guest = replace(base, id="doctor-box", lock="locks/doctor-box.txt", host="box", installed=(*others, installed))
    guest = replace(guest, packages={**base.packages, "s3prl": "0.4.15"}, lock_sha256="f" * 64)
    file = tmp_path / "box.json"
    file.write_text(dump(make_environment_result(guest, [make_cell(guest, "s3prl-hf")])), encoding="utf-8")
    arguments = ["report", "--matrix", str(ROOT / "matrix.toml"), "--work", str(tmp_path), "--with", str(file)]
    main([*arguments, "--reports", str(tmp_path / "reports")])
    told = json.loads((tmp_path / "reports" / "results.json").read_text(encoding="utf-8"))
    assert [one["id"] for one in told["environments"]] == [BASE, "doctor-box"]
    assert [one["verdict"] for one in told["rules"]] == ["everywhere" if " @ " in installed else "found"]
    shown = json.dumps(told["claims"])
    assert ("doctor-box" in shown) is (" @ " not in installed)


@pytest.mark.parametrize("spoilt", [False, True])
def test_a_cell_keeps_its_day_from_report_to_report(
    tmp_path: Path, spoilt: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    first = make_environment(BASE, ran_at="2026-11-01T00:00:00+00:00")
    published(tmp_path, first)
    history = next(tmp_path.rglob("history.json"))
    if spoilt:
        history.write_text("torn")
    published(tmp_path, dataclasses.replace(first, ran_at="2026-11-05T00:00:00+00:00"))
    if spoilt:
        history.write_text("torn again")
    told = published(tmp_path, dataclasses.replace(first, ran_at="2026-11-07T00:00:00+00:00"))
    cells = [one for one in told["cells"] if one["environment"] == first.id]  # type: ignore[attr-defined]
    assert {one["since"] for one in cells} == {"2026-11-01T00:00:00+00:00"}
    said = capsys.readouterr()
    assert ("history.json: cannot be read" in said.out + said.err) is spoilt


def test_a_report_knows_those_published_beside_it_and_no_others(tmp_path: Path) -> None:
    def of(*arguments: str) -> dict[str, str]:
        return neighbours(parse(["matrix", "--matrix", str(tmp_path / "matrix.toml"), *arguments])[1])

    (tmp_path / "matrix.toml").write_bytes((ROOT / "matrix.toml").read_bytes())
    assert of() == of("--profile", "nightly") == {}
    (tmp_path / "reports" / "nightly").mkdir(parents=True)
    for folder in ("reports", "reports/nightly"):
        (tmp_path / folder / "index.html").write_text("", encoding="utf-8")
    assert of() == {"nightly": "nightly/index.html"}
    assert of("--profile", "nightly") == {"core": "../index.html"}
    assert of("--reports", str(tmp_path / "elsewhere")) == of("--profile", "smoke") == of("--paths", "s3prl-hf") == {}


def test_the_readme_tells_of_what_the_repository_keeps_and_of_nothing_else(tmp_path: Path) -> None:
    matrix, readme, empty = tmp_path / "matrix.toml", tmp_path / "README.md", f"{BEGIN}\n{END}\n"
    matrix.write_bytes((ROOT / "matrix.toml").read_bytes())
    claims = tmp_path / "fixtures" / "claims"
    claims.mkdir(parents=True)
    (claims / "config.toml").write_bytes((ROOT / "fixtures" / "claims" / "config.toml").read_bytes())
    base = make_environment(BASE)
    cells = [make_cell(base, "s3prl-hf")]
    for weights in ("synthetic-base", "synthetic-small"):
        result = make_environment_result(base, cells, weights=weights)
        Store(tmp_path / "work", weights).write(result, lock=lock_of(base))

    def told(*arguments: str) -> str:
        readme.write_text(empty, encoding="utf-8")
        work = ["--matrix", str(matrix), "--work", str(tmp_path / "work")]
        main(["report", *work, "--reports", str(tmp_path / "reports"), *arguments])
        return readme.read_text(encoding="utf-8")

    assert told("--weights", "synthetic-small") == empty
    assert told("--paths", "s3prl-hf") == empty
    assert told("--reports", str(tmp_path / "elsewhere")) == empty
    assert "work" in told()
