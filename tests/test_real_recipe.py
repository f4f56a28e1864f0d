"""A whole recipe on real packages: statistics, an epoch with the upstream frozen, a resumed one, hypotheses."""

from __future__ import annotations

from pathlib import Path

import pytest
from climbing import Climber, small_inputs
from conftest import RealEnvironment

from asrcompat.model import CheckOutcome, Outcome, Stage
from asrcompat.run import outcome
from asrcompat.run.paths import path_files
from asrcompat.run.scrub import Scrubber

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"
PATH = "espnet-s3prl"


def test_a_recipe_from_statistics_to_hypotheses(with_0415: RealEnvironment, work: Path, tmp_path: Path) -> None:
    climber = Climber(
        python=with_0415.built.python,
        inputs=small_inputs(work),
        folder=tmp_path / "probe",
        trials=1,
        findings={"recipe": 600},
    )
    raws = climber.raws(path_files([PATH]))
    cell = outcome.cell(with_0415.environment.id, raws[PATH], Scrubber({}))
    assert cell.outcome is Outcome.WORKS, cell.message
    checks = {check.id: check for check in cell.checks if check.stage is Stage.RECIPE and check.id != "network"}
    assert {name: check.outcome for name, check in checks.items()} == {
        "recipe-stats": CheckOutcome.PASSED,
        "recipe-train": CheckOutcome.PASSED,
        "recipe-rates": CheckOutcome.FAILED,
        "recipe-resume": CheckOutcome.PASSED,
        "recipe-decode": CheckOutcome.PASSED,
        "recipe-as-installed": CheckOutcome.FAILED,
    }, {name: check.message for name, check in checks.items()}
    assert not any(check.required for check in checks.values())
    assert set(checks["recipe-decode"].data["hypotheses"]) == {f"test-{number}" for number in range(4)}
    assert checks["recipe-resume"].data["steps"] == 2 * checks["recipe-train"].data["steps"] == 8
    assert [need["module"] for need in checks["recipe-as-installed"].data["needs"]] == ["tensorboard", "matplotlib"]
    assert "--optim2" in checks["recipe-rates"].data["readings"]["a second optimiser"]
    assert b"$ asr_inference " in raws[PATH].log
