"""Claims on real packages: what a run before and one after S3PRL 0.4.15 make of the article's statements."""

from __future__ import annotations

from pathlib import Path

import pytest
from climbing import ROOT, Climber, small_inputs
from conftest import RealEnvironment
from factories import make_results

from asrcompat.explain.claims import Claim, Verdict, judge_claims
from asrcompat.model import Cell
from asrcompat.run.inputs import Inputs
from asrcompat.run.paths import path_files

pytestmark = [pytest.mark.real, pytest.mark.slow]

MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"
PATHS = {
    "before": ("s3prl-hf", "s3prl-hf@preprocessor", "espnet-s3prl"),
    "after": ("transformers", "s3prl-hf", "espnet-s3prl"),
}


def cells(real: RealEnvironment, paths: tuple[str, ...], inputs: Inputs, folder: Path) -> list[Cell]:
    climber = Climber(
        python=real.built.python, inputs=inputs, folder=folder, trials=1, findings={"claims": 300, "audio": 300}
    )
    return [*climber.cells(path_files(paths), environment=real.environment.id).values()]


@pytest.fixture(scope="module")
def claims(
    before_0415: RealEnvironment,
    with_0415: RealEnvironment,
    work: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Claim]:
    inputs = small_inputs(work)
    found = []
    for name, real in (("before", before_0415), ("after", with_0415)):
        found += cells(real, PATHS[name], inputs, tmp_path_factory.mktemp(name) / "probe")
    results = make_results(
        found, [before_0415.environment, with_0415.environment], model=MODEL, weights="synthetic-small"
    )
    return {claim.id: claim for claim in judge_claims(results, ROOT / "fixtures" / "claims")}


def parts(claim: Claim) -> list[str]:
    return [part.verdict.value for part in claim.parts]


def said(claim: Claim, part: int) -> set[str]:
    return {one.message for one in claim.evidence if one.part == part}


def test_0415_is_needed_for_the_repository_as_it_is_and_not_for_custom_models(claims: dict[str, Claim]) -> None:
    assert parts(claims["s3prl-0.4.15"]) == ["confirmed", "confirmed", "refuted"]
    assert claims["s3prl-0.4.15"].verdict is Verdict.PARTLY
    assert parts(claims["old-s3prl"]) == ["confirmed"] * 3


def test_the_configuration_loads_only_where_espnet_wants_it(claims: dict[str, Claim]) -> None:
    claim = claims["config"]
    assert parts(claim) == ["refuted", "refuted", "partly", "confirmed"]
    assert said(claim, 0) == {"ESPnet's command line: unrecognized arguments: upstream (from train.yaml)"}
    assert list(claim.environments.values()) == [Verdict.REFUTED, Verdict.PARTLY]


def test_n_mels_cures_nothing_anywhere(claims: dict[str, Claim]) -> None:
    claim = claims["n-mels"]
    assert claim.verdict is Verdict.REFUTED
    assert claim.tested == claim.of == 4
    controls = [part.verdict.value for part in claim.parts if part.control]
    assert controls == ["refuted", "confirmed", "refuted", "confirmed", "refuted"]
    assert any("mat1 and mat2" in one.message for one in claim.evidence if one.check == "n-mels-inner-1024")


def test_a_wrong_width_shows_as_the_article_says(claims: dict[str, Claim]) -> None:
    assert claims["mat1-mat2"].verdict is Verdict.CONFIRMED
    # the synthetic checkpoint has the width that the project gave it
    assert claims["width-768"].verdict is Verdict.NOT_TESTABLE
    assert [part.verdict for part in claims["width-768"].parts if part.control] == [Verdict.CONFIRMED]


def test_only_a_consumer_of_ours_needs_as_many_frames_as_the_encoders(claims: dict[str, Claim]) -> None:
    claim = claims["time-axis"]
    assert claim.verdict is Verdict.PARTLY
    counted = [part.verdict.value for part in claim.parts if not part.control]
    # the downstream is not tried here: these environments lack what S3PRL's Runner imports
    assert counted == ["refuted", "not testable here", "refuted", "refuted", "confirmed"]
    assert [part.verdict.value for part in claim.parts if part.control] == ["confirmed"] * 3
    # what could not come out otherwise is no evidence
    for part, verdict in enumerate(claim.parts):
        checks = {one.check for one in claim.evidence if one.part == part}
        assert verdict.control is any(str(check).startswith("frame-labels") for check in checks)


def test_what_needs_real_weights_and_speech_is_not_testable(claims: dict[str, Claim]) -> None:
    for name in ("model", "indian", "improves"):
        assert (claims[name].verdict, claims[name].evidence) == (Verdict.NOT_TESTABLE, ())
