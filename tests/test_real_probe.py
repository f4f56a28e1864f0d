"""The ladder on real packages: what is broken is seen where it breaks, and nothing else decides an outcome."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from climbing import Climber, small_inputs
from conftest import RealEnvironment, copy_of, real_environment

from asrcompat.model import Cell, CheckOutcome, Outcome, Stage
from asrcompat.run import uv
from asrcompat.run.inputs import Inputs
from asrcompat.run.paths import path_files
from asrcompat.spec import Spec

pytestmark = pytest.mark.real

MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"

Climb = Callable[..., dict[str, Cell]]


@pytest.fixture(scope="module")
def inputs(work: Path) -> Inputs:
    return small_inputs(work)


@pytest.fixture
def climb(inputs: Inputs, tmp_path: Path) -> Climb:
    """Probe paths (names, or files of their own) with few trials on an interpreter."""

    def run(python: Path, *paths: str | Path, hub_root: Path | None = None, trials: int = 2) -> dict[str, Cell]:
        files = {
            path.stem.replace("_", "-") if isinstance(path, Path) else path: (
                path if isinstance(path, Path) else path_files([path])[path]
            )
            for path in paths
        }
        climber = Climber(python=python, inputs=inputs, folder=tmp_path / "probe", trials=trials, hub_root=hub_root)
        return climber.cells(files)

    return run


def test_before_0415_the_missing_preprocessor_breaks_s3prl_and_espnet_at_load(
    before_0415: RealEnvironment, climb: Climb
) -> None:
    cells = climb(before_0415.built.python, "transformers", "s3prl-hf", "espnet-s3prl")
    assert cells["transformers"].outcome is Outcome.WORKS
    for path in ("s3prl-hf", "espnet-s3prl"):
        assert (cells[path].outcome, cells[path].stage) == (Outcome.BROKEN, Stage.LOAD)
        assert "preprocessor_config.json" in cells[path].message
        assert cells[path].exception == "OSError"


def test_with_0415_all_paths_work_and_agree(with_0415: RealEnvironment, climb: Climb) -> None:
    cells = climb(with_0415.built.python, "transformers", "s3prl-hf", "espnet-s3prl")
    assert {path: cell.outcome for path, cell in cells.items()} == dict.fromkeys(cells, Outcome.WORKS)
    follows = {path: cell.features.follows for path, cell in cells.items() if cell.features}
    assert follows == {"transformers": "raw", "s3prl-hf": "prepared", "espnet-s3prl": "prepared"}
    for cell in cells.values():
        assert cell.evidence is not None
        assert cell.evidence.versions["s3prl"] == "0.4.15"
        parity = {check.id: check.outcome for check in cell.checks if check.id.startswith("parity")}
        assert set(parity.values()) == {CheckOutcome.PASSED}


def test_a_version_number_decides_nothing(
    before_0415: RealEnvironment, climb: Climb, tmp_path: Path, work: Path
) -> None:
    """s3prl 0.4.14 that calls itself 0.4.18 is still broken at load."""
    with copy_of(before_0415, "repackaged", work) as python:
        wheel = _repackaged(python, "0.4.14", "0.4.18", tmp_path)
        done = uv.command(["pip", "install", "--quiet", "--no-deps", "--python", python, wheel], seconds=120)
        assert done.code == 0, done.output
        cells = climb(python, "s3prl-hf")
    assert (cells["s3prl-hf"].outcome, cells["s3prl-hf"].stage) == (Outcome.BROKEN, Stage.LOAD)
    assert cells["s3prl-hf"].evidence is not None
    assert cells["s3prl-hf"].evidence.versions["s3prl"] == "0.4.18"


def test_a_preprocessor_in_the_repository_cures_0414(
    before_0415: RealEnvironment, climb: Climb, inputs: Inputs, tmp_path: Path
) -> None:
    root = tmp_path / "hub"
    shutil.copytree(inputs.hub_root, root, copy_function=_link)
    (main,) = root.glob("Harveenchadha/*/main")
    (preprocessor,) = root.glob("facebook/wav2vec2-base/main/preprocessor_config.json")
    shutil.copy(preprocessor, main)
    cells = climb(before_0415.built.python, "s3prl-hf", hub_root=root)
    assert cells["s3prl-hf"].outcome is Outcome.WORKS, cells["s3prl-hf"].message


FRESH = """
    subject = Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))
    import torch
    with torch.no_grad():
        subject.upstream.encoder.layers[1].attention.v_proj.bias.zero_()
    return subject
"""
DETACHED = """
    encoder = Wav2Vec2Model.from_pretrained(context.model)
    forward = encoder.feature_extractor.forward
    encoder.feature_extractor.forward = lambda values: forward(values).detach()
    return Subject(encoder, len(context.symbols))
"""
SAMPLES = """
    subject = Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))
    features = subject.features
    subject.features = lambda speech, lengths: features(speech, lengths)._replace(lengths=lengths)
    return subject
"""
UNMASKED = """
    subject = Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))
    forward = subject.upstream.forward
    subject.upstream.forward = lambda speech, attention_mask=None, **options: forward(speech, **options)
    return subject
"""
# As ESPnet's `huggingface` frontend does it: the preprocessor of wav2vec2-base makes no mask, and prepares the padding.
PREPROCESSED = """
    from transformers import Wav2Vec2FeatureExtractor
    prepare = Wav2Vec2FeatureExtractor(return_attention_mask=False)
    subject = Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))
    forward = subject.upstream.forward
    def unmasked(speech, attention_mask, **options):
        spoken = [row[:int(valid.sum())].numpy() for row, valid in zip(speech, attention_mask)]
        given = prepare(spoken, sampling_rate=16000, padding=True, return_tensors="pt")
        return forward(**given, **options)
    subject.upstream.forward = unmasked
    return subject
"""
ZEROS = """
    subject = Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))
    features = subject.features
    def zeroed(speech, lengths):
        found = features(speech, lengths)
        for row, length in enumerate(lengths):
            if length < speech.size(1):
                for layer in [*found.layers, found.output]:
                    layer[row] = 0
        return found
    subject.features = zeroed
    return subject
"""
ONE_ROW = """
    subject = Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))
    features = subject.features
    def first(speech, lengths):
        found = features(speech, lengths)
        return found._replace(layers=[layer[:1] for layer in found.layers], output=found.output[:1])
    subject.features = first
    return subject
"""
ONE_LENGTH = """
    subject = Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))
    features = subject.features
    def first(speech, lengths):
        found = features(speech, lengths)
        return found._replace(lengths=found.lengths[:1])
    subject.features = first
    return subject
"""
ALONE = UNMASKED.replace("forward(speech,", "forward(speech.flip(1) if len(speech) == 1 else speech,")
SOMETIMES = """
    subject = Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))
    loss, calls = subject.loss, []
    def failing(*batch):
        if subject.upstream.training:  # as the trials have it, and nothing before them
            calls.append(1)
            if len(calls) == 1:
                raise AssertionError("11, 13")
        return loss(*batch)
    subject.loss = failing
    return subject
"""
CRASH = "\n    import ctypes; ctypes.string_at(0)\n"
LATE = """
    import builtins
    class Late:
        def __del__(self): raise ArithmeticError("too late")
    builtins.kept = getattr(builtins, "kept", None) or Late()  # it is loaded twice
    return Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))
"""
FEATURES = {
    FRESH: ("neither", "neither"),
    SAMPLES: (None, None),
    UNMASKED: ("raw", "unmasked"),
    PREPROCESSED: ("prepared", "unmasked"),
    ZEROS: ("neither", "neither"),
    ONE_ROW: (None, None),
    ONE_LENGTH: (None, None),
    ALONE: ("raw", "unmasked"),
    CRASH: None,
}


@pytest.mark.parametrize(
    ("body", "result", "stage", "message"),
    [
        (FRESH, Outcome.BROKEN, Stage.FEATURES, "not the checkpoint's features"),
        (DETACHED, Outcome.BROKEN, Stage.BACKWARD, "no gradient arrives at: first convolution"),
        (SAMPLES, Outcome.BROKEN, Stage.FEATURES, "not the frames of these utterances"),
        (UNMASKED, Outcome.WORKS, Stage.TRAIN, ""),
        (PREPROCESSED, Outcome.WORKS, Stage.TRAIN, ""),
        (ZEROS, Outcome.BROKEN, Stage.FEATURES, "the longest utterance, which is not padded, does follow raw input"),
        (ONE_ROW, Outcome.BROKEN, Stage.FEATURES, "features of [1] utterances, where the batch has 2"),
        (ONE_LENGTH, Outcome.BROKEN, Stage.FEATURES, "not the frames of these utterances"),
        (ALONE, Outcome.BROKEN, Stage.FEATURES, "these are not the checkpoint's features"),
        (SOMETIMES, Outcome.UNSTABLE, Stage.TRAIN, "1 of 2 trials passed; others: 11, 13"),
        (CRASH, Outcome.BROKEN, Stage.LOAD, "SIGSEGV"),
        (LATE, Outcome.WORKS, Stage.TRAIN, ""),
    ],
    ids=[
        *("fresh tensor", "detached", "lengths in samples", "unmasked", "preprocessed", "zeros in padded rows"),
        *("one row of two", "one length of two", "alone", "sometimes", "crash", "late"),
    ],
)
def test_planted_breakage_is_seen_where_it_is(
    torch_env: Path,
    climb: Climb,
    tmp_path: Path,
    body: str,
    result: Outcome,
    stage: Stage,
    message: str,
) -> None:
    planted = tmp_path / "planted.py"
    source = path_files(["transformers"])["transformers"].read_text(encoding="utf-8")
    planted.write_text(
        source.replace(
            "    return Subject(Wav2Vec2Model.from_pretrained(context.model), len(context.symbols))\n", body, 1
        ),
        encoding="utf-8",
    )
    cells = climb(torch_env, "transformers", planted)
    assert cells["transformers"].outcome is Outcome.WORKS
    assert (cells["planted"].outcome, cells["planted"].stage) == (result, stage)
    assert message in cells["planted"].message
    padding = [check for check in cells["planted"].checks if check.id == "padding"]
    assert bool(padding) is (body in (UNMASKED, PREPROCESSED, ALONE))
    features = cells["planted"].features
    told = None if features is None else (features.follows, features.padded)
    assert told == FEATURES.get(body, ("raw", "masked"))
    late = [check.message for check in cells["planted"].checks if check.id == "exit"]
    assert late == (["ArithmeticError: too late"] if body is LATE else [])


@pytest.mark.slow
def test_the_same_seeds_give_the_same_share_again(spec: Spec, work: Path, climb: Climb) -> None:
    """With the newest Transformers a layer that is dropped at random is missing from what S3PRL counts."""
    newest = real_environment(spec, work, "py3.11-torch2.8.0-s3prl0.4.18-espnet202511-transformers-newest")
    first, second = (climb(newest.built.python, "s3prl-hf", trials=40)["s3prl-hf"] for _ in range(2))
    assert (first.outcome, first.stage) == (Outcome.UNSTABLE, Stage.TRAIN)
    assert first.trials is not None
    assert 0 < first.trials.passed < first.trials.of == 40
    assert "trials passed; others: " in first.message
    assert (second.outcome, second.trials, second.message) == (first.outcome, first.trials, first.message)


def _repackaged(python: Path, old: str, new: str, folder: Path) -> Path:
    """The installed s3prl of version `old`, as a wheel that says `new`."""
    (packages,) = python.parent.parent.glob("lib/python3*/site-packages")
    (info,) = packages.glob(f"s3prl-{old}.dist-info")
    wheel = folder / f"s3prl-{new}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in sorted((packages / "s3prl").rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                archive.write(file, file.relative_to(packages).as_posix())
        metadata = (info / "METADATA").read_text(encoding="utf-8").replace(f"Version: {old}", f"Version: {new}", 1)
        archive.writestr(f"s3prl-{new}.dist-info/METADATA", metadata)
        archive.write(info / "WHEEL", f"s3prl-{new}.dist-info/WHEEL")
        archive.writestr(f"s3prl-{new}.dist-info/RECORD", "")
    return wheel


def _link(source: str, target: str) -> str:
    """Copy small files, link large ones."""
    if Path(source).stat().st_size > 1_000_000:
        Path(target).hardlink_to(source)
    else:
        shutil.copy(source, target)
    return target
