"""S3PRL's own copy of the model and its own training, on real packages: as installed, and with what is lacking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from climbing import Climber, small_inputs
from conftest import RealEnvironment, copy_of

from asrcompat.model import Cell, CheckOutcome, Outcome, Stage
from asrcompat.run import uv
from asrcompat.run.paths import path_files

pytestmark = [pytest.mark.real, pytest.mark.slow]

MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"


def climb(work: Path, folder: Path, python: Path, *paths: str) -> dict[str, Cell]:
    """Probe paths with two trials and the findings of fine-tuning."""
    climber = Climber(python=python, inputs=small_inputs(work), folder=folder, findings={"finetuning": 300})
    return climber.cells(path_files(paths))


def told(cell: Cell, identity: str) -> tuple[CheckOutcome, str]:
    (check,) = [check for check in cell.checks if check.id == identity]
    assert not check.required
    return check.outcome, check.message


@pytest.fixture
def completed(with_0415: RealEnvironment, work: Path) -> Iterator[Path]:
    """A copy of the environment that has what S3PRL's training imports and does not declare."""
    with copy_of(with_0415, "with-what-the-runner-lacks", work) as python:
        lacking = ["tensorboardX", "pandas", "numpy<2"]
        done = uv.command(["pip", "install", "--quiet", "--python", python, *lacking], seconds=300)
        assert done.code == 0, done.output
        yield python


def test_as_installed(with_0415: RealEnvironment, work: Path, tmp_path: Path) -> None:
    """The file that was converted elsewhere works; nothing is converted, or loaded raw; the Runner does not import."""
    paths = ("s3prl-converted", "s3prl-converted@converted", "s3prl-downstream")
    plain, converted, downstream = climb(work, tmp_path / "probe", with_0415.built.python, *paths).values()
    # S3PRL's converter reads with fairseq, which this environment lacks: nothing takes its place
    assert (plain.outcome, plain.stage) == (Outcome.BROKEN, Stage.LOAD)
    assert (plain.exception, plain.message) == ("ModuleNotFoundError", "No module named 'fairseq'")
    assert {check.id for check in plain.checks} >= {"load"}
    assert converted.outcome is Outcome.WORKS, converted.message
    assert not any(check.id == "stand-ins" for check in converted.checks)
    assert converted.features is not None
    assert converted.features.follows == "raw"
    how, message = told(converted, "raw-file")
    assert how is CheckOutcome.FAILED
    assert "ValueError" in message
    assert "task_cfg is missing" in message
    how, message = told(converted, "raw-file-fairseq")
    assert how is CheckOutcome.FAILED
    assert "No module named 'fairseq'" in message
    assert told(converted, "wav2vec2-local")[0] is CheckOutcome.PASSED
    assert (downstream.outcome, downstream.stage) == (Outcome.BROKEN, Stage.IMPORT)
    assert downstream.exception == "ModuleNotFoundError"
    assert downstream.message == "No module named 'tensorboardX'"


def test_with_what_the_runner_lacks(completed: Path, work: Path, tmp_path: Path) -> None:
    """S3PRL's Runner trains, decodes every utterance, freezes when not told to train, and knows one learning rate."""
    cell = climb(work, tmp_path / "probe", completed, "s3prl-downstream")["s3prl-downstream"]
    assert cell.outcome is Outcome.WORKS, cell.message
    assert cell.features is not None
    assert cell.features.follows == "prepared"
    (own,) = [check for check in cell.checks if check.id == "own-training"]
    assert own.required
    assert own.message == "S3PRL's Runner trained 3 steps, decoded 4 utterances and wrote its checkpoint"
    how, message = told(cell, "runner-frozen")
    assert how is CheckOutcome.PASSED, message
    how, message = told(cell, "rates-runner")
    assert how is CheckOutcome.FAILED
    assert message.startswith("no learning rate per part")
