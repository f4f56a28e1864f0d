"""Silent breakage on real packages: seen at the stage where it is, and what findings tell of a sound path."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest.mock import ANY

import pytest
from climbing import Climber, small_inputs

from asrcompat.model import Cell, CheckOutcome, Outcome, Stage
from asrcompat.run.inputs import Inputs
from asrcompat.run.paths import path_files

pytestmark = pytest.mark.real

MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"

Climb = Callable[..., dict[str, Cell]]

LOADED = "    return Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))\n"

QUIET = """
    subject = Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))
    features = subject.features
    subject.features = lambda speech, lengths: features(speech * 1e-3, lengths)
    return subject
"""
THAWED = """
    subject = Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))
    loss = subject.loss
    def thawing(*batch):
        subject.upstream.requires_grad_(True)
        return loss(*batch)
    subject.loss = thawing
    return subject
"""
FULL = """
    import os
    place = os.path.join(context.folder, "round-trip.pt")
    if not os.path.lexists(place):
        os.symlink("/dev/full", place)
    return Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))
"""
STALE = """
    subject = Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))
    published = {name: value.clone() for name, value in subject.model.state_dict().items()}
    subject.model.state_dict = lambda: published
    return subject
"""

RENAME = """
import sys, torch
values = torch.load(sys.argv[1], map_location="cpu")
renamed = {name.replace("encoder.layers.1.", "encoder.layers.91."): value for name, value in values.items()}
assert renamed.keys() != values.keys()
torch.save(renamed, sys.argv[2])
"""


@pytest.fixture(scope="module")
def inputs(work: Path) -> Inputs:
    return small_inputs(work)


@pytest.fixture
def climb(torch_env: Path, inputs: Inputs, tmp_path: Path) -> Climb:
    """Probe paths on the oldest torch and Transformers; `planted` ones are changed copies of a path's file."""

    def run(
        *names: str,
        planted: Mapping[str, tuple[str, str, str]] | None = None,
        hub_root: Path | None = None,
        findings: Mapping[str, float] | None = None,
    ) -> dict[str, Cell]:
        files = path_files(names)
        for name, (path, old, new) in (planted or {}).items():
            source = path_files([path])[path].read_text(encoding="utf-8")
            assert source.count(old) == 1
            files[name] = tmp_path / f"{name}.py"
            files[name].write_text(source.replace(old, new), encoding="utf-8")
        climber = Climber(
            python=torch_env,
            inputs=inputs,
            folder=tmp_path / "probe",
            trials=1,
            findings=findings or {},
            hub_root=hub_root,
        )
        return climber.cells(files)

    return run


def test_a_checkpoint_with_one_layer_renamed_is_seen_at_features(
    climb: Climb, torch_env: Path, inputs: Inputs, tmp_path: Path
) -> None:
    root = tmp_path / "hub"
    shutil.copytree(inputs.hub_root, root)
    for file in root.glob("Harveenchadha/*/*/*.safetensors"):
        file.unlink()
    (weights,) = root.glob("Harveenchadha/*/main/pytorch_model.bin")
    subprocess.run([torch_env, "-c", RENAME, weights, tmp_path / "renamed.bin"], check=True)
    (tmp_path / "renamed.bin").replace(weights)
    cells = climb("transformers", hub_root=root)
    cell = cells["transformers"]
    assert (cell.outcome, cell.stage) == (Outcome.BROKEN, Stage.FEATURES)
    assert "these are not the checkpoint's features" in cell.message
    assert "from hidden state 2 on" in cell.message
    assert cell.features is not None
    assert cell.features.follows == "neither"
    (report,) = [check for check in cell.checks if check.id == "loader-report"]
    assert report.outcome is CheckOutcome.FAILED
    assert "encoder.layers.1." in report.message


def test_what_spoils_features_or_training_in_silence_is_seen_where_it_is(climb: Climb) -> None:
    cells = climb(
        "transformers",
        planted={
            "quiet": ("transformers", LOADED, QUIET),
            "thawed": ("transformers", LOADED, THAWED),
            "stale": ("transformers", LOADED, STALE),
        },
    )
    assert cells["transformers"].outcome is Outcome.WORKS
    told = {
        "quiet": (Stage.FEATURES, "these are not the checkpoint's features"),
        "thawed": (Stage.STEP, "gradients arrive at"),
        "stale": (Stage.STEP, "saved and loaded again, the features differ by"),
    }
    for name, (stage, message) in told.items():
        assert (cells[name].outcome, cells[name].stage) == (Outcome.BROKEN, stage)
        assert message in cells[name].message
    quiet = cells["quiet"].features
    assert quiet is not None
    assert quiet.follows == "neither"


def test_a_full_disk_says_nothing_about_the_packages(climb: Climb) -> None:
    cell = climb(planted={"full": ("transformers", LOADED, FULL)})["full"]
    assert (cell.outcome, cell.stage, cell.exception) == (Outcome.ERROR, Stage.STEP, "OSError")
    assert "No space left on device" in cell.message


def test_s3prls_normalize_follows_neither_reference(climb: Climb) -> None:
    call = "path_or_url=context.model)"
    cell = climb(planted={"normalized": ("s3prl-hf", call, call[:-1] + ", normalize=True)")})["normalized"]
    assert (cell.outcome, cell.stage) == (Outcome.BROKEN, Stage.FEATURES)
    assert cell.features is not None
    assert cell.features.follows == "neither"
    assert "from hidden state 0 on" in cell.message


def tell(cells: Mapping[str, Cell], path: str, expected: Mapping[str, tuple[CheckOutcome, str]]) -> None:
    """The path works, and these findings told this, without judging."""
    assert cells[path].outcome is Outcome.WORKS, cells[path].message
    checks = {check.id: check for check in cells[path].checks}
    for identity, (found, message) in expected.items():
        assert (identity, checks[identity].outcome, checks[identity].message) == (identity, found, ANY)
        assert message in checks[identity].message
        assert not checks[identity].required


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_findings_tell(climb: Climb) -> None:
    passed, failed = CheckOutcome.PASSED, CheckOutcome.FAILED
    paths = ("transformers", "torchaudio-hf", "s3prl-hf", "espnet-s3prl")
    cells = climb(*paths, findings={"audio": 120, "finetuning": 120, "precision": 60})
    tell(
        cells,
        "transformers",
        {
            "features-0.02s": (failed, "Kernel size can't be greater than actual input size"),
            "features-0.1s": (passed, "4 frames for 1600 samples"),
            "features-1s": (passed, "49 frames for 16000 samples"),
            "features-15s": (passed, "749 frames for 240000 samples"),
            "features-0.1s-train-mode": (failed, "`mask_length` has to be smaller than `sequence_length`"),
            "shortest": (passed, "there are features from 400 (0.025 s) on"),
            "shortest-train-mode": (passed, "there are features from 3280 (0.205 s) on"),
            "quiet-0.001": (passed, "the last hidden state moves by up to"),
            "long-labels": (failed, "the loss is inf"),
            "two-rates": (passed, "rates 1e-05 and 0.001, steps of 1e-05 and 0.001"),
            "trainer-rates": (failed, "accelerate"),
            "feature-range": (passed, "features from -"),
            "layer-norm": (passed, "a layer norm of torch's over the width, freshly made here: means within"),
            "utterance-norm": (passed, "mean and variance over an utterance, by our own code: means within"),
            "frozen-features": (passed, "two passes of the frozen encoder in train mode differ by up to"),
            "frozen-features-eval": (passed, "give equal features"),
            "float32": (passed, "float32 features"),
            "autocast-bfloat16": (passed, "which differ by up to"),
            "bfloat16": (passed, "bfloat16 features"),
            "autocast-float16": (ANY, "float16"),
        },
    )
    tell(
        cells,
        "torchaudio-hf",
        {"quiet-0.001": (passed, "follows raw input"), "features-0.1s-train-mode": (passed, "4 frames")},
    )
    tell(
        cells,
        "s3prl-hf",
        {
            "quiet-0.001": (passed, "follows prepared input"),
            "features-0.02s": (passed, "1 frames for 320 samples, 1 reported; the encoder's arithmetic gives 0"),
            "shortest": (failed, "but not at every length"),
            "rate-asked-for": (failed, "neither S3PRLUpstream nor Featurizer can be asked for another frame rate"),
            "rate-halved": (passed, "whole steps down, no interpolation"),
            "normalize-upstream": (passed, "follow neither reference"),
            "normalize-featurizer": (passed, "mixes hidden states of mean 0 and variance 1"),
            "rates-optimizer": (failed, "no learning rate per part: S3PRL's get_optimizer"),
            "runner-needs": (failed, "tensorboardX is not installed (by S3PRL's metadata "),
            "bfloat16": (failed, "Got unsupported ScalarType BFloat16"),
        },
    )
    tell(
        cells,
        "espnet-s3prl",
        {
            "frame-rate": (failed, "but the lengths stay"),
            "long-labels": (passed, "the loss is "),
            # espnet 202402 takes the mean from the padding as well, and that for deviation
            "utterance-mvn": (failed, "(50 frames: "),
        },
    )
    espnets = {check.id: check for check in cells["espnet-s3prl"].checks}
    assert "utterance-norm" not in espnets
    assert [one < 0.02 for one in espnets["utterance-mvn"].data["deviations"]] == [True, False]


def test_a_checkpoint_saved_again_is_the_same_and_no_findings_are_tried(climb: Climb) -> None:
    cells = climb("transformers", "transformers@resaved", "s3prl-hf@preprocessor", findings={"audio": 60})
    for name, cell in cells.items():
        assert cell.outcome is Outcome.WORKS, (name, cell.message)
        assert ("quiet-0.001" in {check.id for check in cell.checks}) is (name == "transformers")
    served = {name: any(check.id == "serve-reference" for check in cell.checks) for name, cell in cells.items()}
    assert served == {"transformers": True, "transformers@resaved": False, "s3prl-hf@preprocessor": False}
