"""torchaudio's importers and ESPnet's own frontends on real packages: what works agrees, what is lacking is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from climbing import Climber, small_inputs
from conftest import RealEnvironment, real_environment

from asrcompat.model import Cell, CheckOutcome, Outcome, Stage
from asrcompat.run.paths import path_files
from asrcompat.spec import Spec

pytestmark = pytest.mark.real

MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"
NEWER = "py3.11-torch2.8.0-s3prl0.4.18-espnet202511-transformers4.57.6"
FAIRSEQ = "py3.10-torch2.3.1-s3prl0.4.15-espnet202402-transformers4.41.2-fairseq0.12.2"
TOLERANCE = 1e-4

Climb = Callable[..., dict[str, Cell]]


@pytest.fixture
def climb(work: Path, tmp_path: Path) -> Climb:
    """Probe paths with two trials and these findings."""

    def run(real: RealEnvironment, *paths: str, **findings: float) -> dict[str, Cell]:
        climber = Climber(
            python=real.built.python,
            inputs=small_inputs(work),
            folder=tmp_path / "probe",
            distributions=tuple(real.environment.packages),
            findings=findings,
        )
        return climber.cells(path_files(paths))

    return run


def assert_works(cell: Cell, *, follows: str) -> None:
    """The cell works, and agrees."""
    assert cell.outcome is Outcome.WORKS, cell.message
    assert_agrees(cell, follows=follows)


def assert_agrees(cell: Cell, *, follows: str) -> None:
    """Every hidden state is the checkpoint's, of this kind of input."""
    assert cell.features is not None
    assert cell.features.follows == follows
    parities = [check for check in cell.checks if check.id.startswith("parity")]
    assert parities
    for check in parities:
        layers = check.data["per_layer"][follows]
        assert len(layers) == 3  # what enters the first layer too
        assert max(layers) <= TOLERANCE


def test_torchaudios_import_and_the_last_layer_alone(with_0415: RealEnvironment, climb: Climb) -> None:
    cells = climb(with_0415, "transformers", "torchaudio-hf", "espnet-s3prl-last")
    assert_works(cells["torchaudio-hf"], follows="raw")
    assert_works(cells["espnet-s3prl-last"], follows="prepared")
    (made_of,) = [check.message for check in cells["espnet-s3prl-last"].checks if check.id == "output"]
    assert made_of == "the last hidden state"


def test_a_release_without_the_frontend_says_so_at_import(with_0415: RealEnvironment, climb: Climb) -> None:
    (cell,) = climb(with_0415, "espnet-huggingface").values()
    assert (cell.outcome, cell.stage, cell.exception) == (Outcome.BROKEN, Stage.IMPORT, "ModuleNotFoundError")
    assert cell.message == "No module named 'espnet2.asr.frontend.huggingface'"


def test_espnets_frontend_wants_a_preprocessor_and_then_tells_wrong_lengths(
    spec: Spec, work: Path, climb: Climb
) -> None:
    """ESPnet 202511 takes the shape of the batch for its lengths."""
    cells = climb(real_environment(spec, work, NEWER), "espnet-huggingface", "espnet-huggingface@preprocessor")
    published, with_preprocessor = cells.values()
    assert (published.outcome, published.stage) == (Outcome.BROKEN, Stage.LOAD)
    assert "preprocessor_config.json" in published.message
    assert (with_preprocessor.outcome, with_preprocessor.stage) == (Outcome.BROKEN, Stage.FEATURES)
    assert "reported lengths [2, 16000]: not the frames" in with_preprocessor.message


def test_fairseqs_own_format_through_espnet_and_torchaudio(spec: Spec, work: Path, climb: Climb) -> None:
    real = real_environment(spec, work, FAIRSEQ)
    assert real.environment.declared == "conflict"
    assert real.environment.packages["fairseq"] == "0.12.2"
    cells = climb(real, "transformers", "torchaudio-fairseq", "espnet-fairseq", audio=90)
    assert_works(cells["torchaudio-fairseq"], follows="raw")
    evidence = cells["torchaudio-fairseq"].evidence
    assert evidence is not None
    assert evidence.versions["fairseq"] == "0.12.2"
    assert_works(cells["espnet-fairseq"], follows="raw")
    # its mask of padding is made over pairs of samples: 15 s ask for 58 GB
    (long,) = [check for check in cells["espnet-fairseq"].checks if check.id == "features-15s"]
    assert (long.outcome, long.required) == (CheckOutcome.FAILED, False)
    assert "you tried to allocate 57600480001 bytes" in long.message


def test_a_path_alone_is_compared_with_the_reference_path_which_is_no_cell(
    with_0415: RealEnvironment, work: Path, tmp_path: Path
) -> None:
    climber = Climber(python=with_0415.built.python, inputs=small_inputs(work), folder=tmp_path / "probe", guided=True)
    (cell,) = climber.cells(path_files(["s3prl-hf"])).values()
    assert_works(cell, follows="prepared")
    assert {check.id for check in cell.checks if "per_layer" in check.data} >= {"parity", "parity-path"}
    guide = (tmp_path / "probe" / "group0" / "transformers.jsonl").read_text(encoding="utf-8").splitlines()
    stages = [event["stage"] for event in map(json.loads, guide) if event["event"] == "stage"]
    assert stages == ["load", "features"]
