"""What is published is judged with what else is known."""

from __future__ import annotations

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
from asrcompat.run.store import Store

ROOT = Path(__file__).parents[1]
BASE = "py3.10-torch2.3.1-s3prl0.4.14-espnet202402-transformers4.41.2"


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
