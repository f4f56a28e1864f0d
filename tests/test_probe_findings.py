"""Findings tell and never decide: whatever one does, the verdict of the climb stands, and so do the other findings."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from asrcompat.model import Cell, Check, CheckOutcome, Device, Outcome, Stage
from asrcompat.run import outcome, probing
from asrcompat.run.inputs import Inputs
from asrcompat.run.paths import PROBE
from asrcompat.run.probing import Target, probe
from asrcompat.run.scrub import Scrubber
from asrcompat.spec import load_spec

ROOT = Path(__file__).parent.parent

PATH = "MODULES = ()\n\n\ndef load(context):\n    raise LookupError('as planted')\n"

FINDING = """
import time
from ..cell import CheckFailed, Passed, Skip

STAGE = {stage!r}
GROUP = {group!r}
PATHS = {paths!r}


def run(cell):
    {body}
"""

TELL = "cell.check('told', lambda: Passed('five of six', of=6))"


def finding(body: str, *, stage: str = "load", group: str = "audio", paths: tuple[str, ...] | None = None) -> str:
    return FINDING.format(body=body, stage=stage, group=group, paths=paths)


def climb(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    findings: Mapping[str, str],
    *,
    budgets: Mapping[str, float] | None = None,
    path: str = "planted",
    source: str = PATH,
    cell_seconds: float = 8,
) -> Cell:
    """The cell of a path that is broken at load, after which planted findings are tried."""
    folder = tmp_path / "probe"
    shutil.copytree(PROBE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (folder / "findings").glob("*.py"):
        if file.name != "__init__.py":
            file.unlink()
    for name, text in findings.items():
        (folder / "findings" / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.setattr(probing, "PROBE", folder)
    file = tmp_path / "planted.py"
    file.write_text(source, encoding="utf-8")
    spec = load_spec(ROOT / "matrix.toml")
    target = Target(
        python=Path(sys.executable),
        distributions=("pytest",),
        endpoint="http://127.0.0.1:1",
        model="some/model",
        inputs=Inputs(hub_root=ROOT, symbols=(), probe={}, expected={}, states={"resaved": "folder"}, fairseq=ROOT),
        fixtures=ROOT / "fixtures",
        probe=spec.probe,
        limits=replace(
            spec.limits, cell_seconds=cell_seconds, silence_seconds=3, memory_gb=0.5, output_mb=1, import_seconds=5
        ),
        threads=1,
        findings={"audio": 20} if budgets is None else budgets,
    )
    raws = probe(target, {path: file}, Device.CPU, folder=tmp_path / "work", on_progress=lambda *_: None)
    return outcome.cell("some-environment", raws[path], Scrubber({}))


def found(cell: Cell) -> dict[str, Check]:
    """What was told beside the ladder's own checks; the verdict is the climb's, whatever that is."""
    assert (cell.outcome, cell.stage, cell.exception) == (Outcome.BROKEN, Stage.LOAD, "LookupError")
    checks = {check.id: check for check in cell.checks if check.id not in ("import", "load")}
    assert not any(check.required for check in checks.values())
    return checks


def test_a_finding_tells_what_it_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = {
        "one": finding(TELL),
        "two": finding(
            "cell.check('lost', lambda: 1 / 0); cell.check('not-here', lambda: (_ for _ in ()).throw(Skip('why')))"
        ),
    }
    checks = found(climb(tmp_path, monkeypatch, planted))
    assert {name: check.outcome for name, check in checks.items()} == {
        "told": CheckOutcome.PASSED,
        "lost": CheckOutcome.FAILED,
        "not-here": CheckOutcome.SKIPPED,
    }
    assert (checks["told"].message, checks["told"].data) == ("five of six", {"of": 6})
    assert checks["lost"].data["exception"] == "ZeroDivisionError"
    assert checks["not-here"].message == "why"


def test_a_required_check_is_not_required_after_the_climb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = {"one": finding("cell.check('lost', lambda: 1 / 0, required=True); " + TELL)}
    assert set(found(climb(tmp_path, monkeypatch, planted))) == {"lost", "told"}


def test_a_spent_budget_skips_what_is_charged_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = {
        "a_slow": finding("time.sleep(0.5); " + TELL),
        "b_late": finding(TELL.replace("told", "never")),
        "c_other": finding(TELL.replace("told", "other"), group="claims"),
        "d_unasked": finding(TELL.replace("told", "unasked"), group="recipe"),
    }
    checks = found(climb(tmp_path, monkeypatch, planted, budgets={"audio": 0.3, "claims": 5}))
    assert set(checks) == {"told", "b-late", "other"}
    assert checks["b-late"].outcome is CheckOutcome.SKIPPED
    assert checks["b-late"].message == "the seconds for such findings are spent"


def test_a_finding_does_not_go_on_beyond_its_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = "cell.check('first', lambda: time.sleep(0.5)); " + TELL
    checks = found(climb(tmp_path, monkeypatch, {"one": finding(slow)}, budgets={"audio": 0.3}))
    assert {name: check.outcome for name, check in checks.items()} == {
        "first": CheckOutcome.PASSED,
        "told": CheckOutcome.SKIPPED,
    }


LOAD_FOR_EVER = """
import time

MODULES = ()


def load(context):
    while True:
        time.sleep(0.1)
        print("still loading", flush=True)
"""


def test_findings_budgets_are_none_of_the_climbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = climb(tmp_path, monkeypatch, {}, budgets={"audio": 300}, source=LOAD_FOR_EVER, cell_seconds=2)
    assert (cell.stage, cell.exception) == (Stage.LOAD, "DeadlineExceeded")
    assert "within 7 s" in cell.message, "that of the fresh run, which imports"


def test_findings_have_their_time_after_the_climbs_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = finding("time.sleep(2); " + TELL)
    checks = found(climb(tmp_path, monkeypatch, {"one": slow}, budgets={"audio": 10}, cell_seconds=1))
    assert checks["told"].outcome is CheckOutcome.PASSED


FULL_DISK = """
    event = cell.record.event

    def full(*_, **__):
        cell.record.event = event
        raise OSError(28, "No space left on device")

    cell.record.event = full
"""


def test_a_fault_of_ours_after_the_climb_leaves_the_verdict_standing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = found(climb(tmp_path, monkeypatch, {"one": finding(FULL_DISK)}))
    assert checks["probe"].outcome is CheckOutcome.ERROR
    assert "No space left on device" in checks["probe"].message


def test_a_finding_that_fails_outside_of_its_checks_costs_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = {"a_faulty": finding("raise KeyError('ours')"), "b_sound": finding(TELL)}
    checks = found(climb(tmp_path, monkeypatch, planted))
    assert checks["told"].outcome is CheckOutcome.PASSED
    assert checks["a-faulty"].outcome is CheckOutcome.ERROR
    assert checks["a-faulty"].message == "the probe's own fault: 'ours'"
    assert "KeyError" in checks["a-faulty"].data["traceback"]


@pytest.mark.parametrize(
    ("body", "said", "outcome"),
    [
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV", CheckOutcome.FAILED),
        ("time.sleep(600)", "no sign of life for 3 s", CheckOutcome.FAILED),
        ("import os; os._exit(3)", "exit status 3", CheckOutcome.FAILED),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "SIGKILL", CheckOutcome.ERROR),
    ],
    ids=["crash", "hang", "exit", "kill"],
)
def test_a_finding_that_dies_leaves_the_verdict_standing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, said: str, outcome: CheckOutcome
) -> None:
    planted = {
        "a_before": finding(TELL),
        "b_dying": finding(f"def die():\n        {body}\n    cell.check('dying', die)"),
        "c_after": finding(TELL.replace("told", "after")),
    }
    cell = climb(tmp_path, monkeypatch, planted)
    checks = found(cell)
    assert set(checks) == {"told", "dying"}
    assert said in checks["dying"].message
    assert checks["dying"].outcome is outcome
    assert checks["dying"].message.endswith("what was still to be tried after this was not")
    assert cell.evidence is not None
    assert cell.evidence.mode == "forked", "the verdict was there: nothing is run again"


def test_a_finding_is_tried_at_the_stages_and_on_the_paths_that_it_is_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = {
        "a_here": finding(TELL.replace("told", "here"), paths=("planted", "another")),
        "b_elsewhere": finding(TELL.replace("told", "elsewhere"), paths=("another",)),
        "c_higher": finding(TELL.replace("told", "higher"), stage="features"),
        "d_recipe": finding(TELL.replace("told", "recipe"), stage="recipe"),
        "_helper": "raise RuntimeError('no finding')",
    }
    assert set(found(climb(tmp_path, monkeypatch, planted))) == {"here"}


def test_only_the_published_checkpoint_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = climb(tmp_path, monkeypatch, {"one": finding(TELL)}, path="planted@resaved")
    assert not found(cell)


def test_a_path_may_name_the_state_that_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = PATH + "\n\nFINDINGS_STATE = 'resaved'\n"
    planted = {"one": finding(TELL)}
    assert not found(climb(tmp_path / "published", monkeypatch, planted, source=source))
    resaved = climb(tmp_path / "resaved", monkeypatch, planted, path="planted@resaved", source=source)
    assert set(found(resaved)) == {"told"}
