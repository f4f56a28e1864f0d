"""The features that every loading path is compared with: what the checkpoint *file* says, computed independently.

There are two references for one batch: raw input, and input prepared as ``facebook/wav2vec2-base``'s preprocessor
does (each utterance to zero mean and unit variance over its own samples, then padding with zeros). Both with a mask
over the padding; beside them the same without one, as some paths compute a batch, and of the shortest utterance by
itself, which no padding touches. All are kept as files of plain numbers, so that a probe can compare without numpy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asrcompat.errors import HarnessError
from asrcompat.hub import architecture, encoder
from asrcompat.hub.checkpoint import read_checkpoint
from asrcompat.hub.folders import building
from asrcompat.hub.repositories import checkpoint_path, config_path
from asrcompat.hub.stored import Computed, check, environment

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VARIANCE_EPSILON = 1e-7
_KINDS = ("raw", "prepared")
_DESCRIPTION = "reference.json"


Features = Mapping[str, "NDArray[np.float32]"]


@dataclass(frozen=True, kw_only=True)
class Values:
    """A file of little-endian float32 in C order, of `shape` [layers, utterances, frames, width].

    `lengths` are the frames of each utterance that are not padding; beyond them the values mean nothing.
    """

    file: Path
    shape: tuple[int, int, int, int]
    lengths: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The features of the batch, of raw and of prepared input; `shape` and `lengths` as in `Values`.

    `layers` counts the first layer's input too. `beside` holds what else paths are compared with: the batch without a
    mask as ``unmasked-raw``, ``unmasked-prepared`` and ``unmasked-prepared-whole`` (prepared with its padding, as
    Transformers' preprocessor does where it makes no mask), and the shortest utterance as ``alone-raw`` and
    ``alone-prepared``.
    """

    raw: Path
    prepared: Path
    shape: tuple[int, int, int, int]
    lengths: tuple[int, ...]
    beside: Mapping[str, Values]


def prepare_reference(
    *, hub_root: Path, model: str, utterances: Sequence[NDArray[np.float32]], work: Path, stored: Path | None = None
) -> Reference:
    """The references for this batch of utterances and the checkpoint in `hub_root`; computed once, then found again.

    With `stored` (see `asrcompat.hub.stored`) they are checked against it, every time; raises `HarnessError` where
    they differ.
    """
    config, checkpoint = config_path(hub_root, model), checkpoint_path(hub_root, model)
    sources = _sources(config, checkpoint, utterances)
    folder = work / f"reference-{_content_hash(sources)[:16]}"
    if not folder.is_dir():
        with building(folder) as partial:
            model_of_file = _model(config, checkpoint)
            computed = _computed(model_of_file, utterances, sources)
            if stored:
                check(computed, stored)
            _write(computed, _beside(model_of_file, utterances), partial)
    elif stored:
        check(_read(folder, sources), stored)
    described = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
    return Reference(
        raw=folder / "raw.f32",
        prepared=folder / "prepared.f32",
        shape=tuple(described["shape"]),
        lengths=tuple(described["lengths"]),
        beside={
            name: Values(file=folder / f"{name}.f32", shape=tuple(one["shape"]), lengths=tuple(one["lengths"]))
            for name, one in described["beside"].items()
        },
    )


def compute(*, hub_root: Path, model: str, utterances: Sequence[NDArray[np.float32]]) -> Computed:
    """The features of raw and of prepared input, not kept anywhere."""
    config, checkpoint = config_path(hub_root, model), checkpoint_path(hub_root, model)
    return _computed(_model(config, checkpoint), utterances, _sources(config, checkpoint, utterances))


def prepared(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """One utterance as the preprocessor hands it to the model: zero mean, unit variance."""
    exact = samples.astype(np.float64)
    normal = (exact - exact.mean()) / np.sqrt(exact.var() + _VARIANCE_EPSILON)
    result: NDArray[np.float32] = normal.astype(np.float32)
    return result


def pad(utterances: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The utterances as one array, padded with zeros at their ends."""
    batch = np.zeros((len(utterances), max(len(samples) for samples in utterances)), dtype=np.float32)
    for row, samples in zip(batch, utterances, strict=True):
        row[: len(samples)] = samples
    return batch


def _model(config: Path, checkpoint: Path) -> encoder.Encoder:
    return encoder.Encoder(architecture.read_architecture(config), read_checkpoint(checkpoint))


def _computed(
    model: encoder.Encoder, utterances: Sequence[NDArray[np.float32]], sources: Mapping[str, str]
) -> Computed:
    lengths = [len(samples) for samples in utterances]
    frames = tuple(model.frames(length) for length in lengths)
    if not frames or min(frames) < 1:
        message = "the reference batch has an utterance that is too short for one frame of features"
        raise HarnessError(message)
    inputs = {"raw": pad(utterances), "prepared": pad([prepared(samples) for samples in utterances])}
    return Computed(features=_features(model, inputs, lengths), lengths=frames, sources=sources)


def _beside(model: encoder.Encoder, utterances: Sequence[NDArray[np.float32]]) -> dict[str, tuple[Features, list[int]]]:
    """What `Reference.beside` holds, by the beginnings of its names: features by kind, and whose frames are valid.

    Without a mask all utterances are as long as the batch.
    """
    padded = pad(utterances)
    unmasked = {
        "raw": padded,
        "prepared": pad([prepared(samples) for samples in utterances]),
        "prepared-whole": pad([prepared(samples) for samples in padded]),
    }
    shortest = min(utterances, key=len)
    alone = {"raw": pad([shortest]), "prepared": pad([prepared(shortest)])}
    frames = [model.frames(len(samples)) for samples in utterances]
    return {
        "unmasked": (_features(model, unmasked, [padded.shape[1]] * len(utterances)), frames),
        "alone": (_features(model, alone, [len(shortest)]), [model.frames(len(shortest))]),
    }


def _features(model: encoder.Encoder, inputs: Features, lengths: list[int]) -> dict[str, NDArray[np.float32]]:
    """The features of each input, of utterances of so many samples; in one batch, so that each tensor is read once."""
    states = model.hidden_states(np.concatenate(list(inputs.values())), lengths * len(inputs))
    return dict(zip(inputs, np.split(states, len(inputs), axis=1), strict=True))


def _write(computed: Computed, beside: Mapping[str, tuple[Features, list[int]]], folder: Path) -> None:
    further = {}
    for stem, (features, lengths) in beside.items():
        for kind, values in features.items():
            _write_values(values, folder / f"{stem}-{kind}.f32")
            further[f"{stem}-{kind}"] = {"shape": values.shape, "lengths": lengths}
    for kind, values in computed.features.items():
        _write_values(values, folder / f"{kind}.f32")
    described = {
        "shape": computed.features["raw"].shape,
        "lengths": computed.lengths,
        "beside": further,
        "sources": dict(computed.sources),
        "environment": environment(),
    }
    (folder / _DESCRIPTION).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def _write_values(values: NDArray[np.float32], file: Path) -> None:
    file.write_bytes(np.ascontiguousarray(values, dtype="<f4").tobytes())


def _read(folder: Path, sources: Mapping[str, str]) -> Computed:
    described = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
    features = {
        kind: np.fromfile(folder / f"{kind}.f32", dtype="<f4").reshape(described["shape"]).astype(np.float32)
        for kind in _KINDS
    }
    return Computed(features=features, lengths=tuple(described["lengths"]), sources=sources)


def _sources(config: Path, checkpoint: Path, utterances: Sequence[NDArray[np.float32]]) -> dict[str, str]:
    """Hashes of what features follow from; of a configuration only what says how to compute."""
    speech = hashlib.sha256()
    for samples in utterances:
        speech.update(hashlib.sha256(np.ascontiguousarray(samples, dtype="<f4").tobytes()).digest())
    with checkpoint.open("rb") as file:
        weights = hashlib.file_digest(file, "sha256").hexdigest()
    sizes = json.dumps(asdict(architecture.read_architecture(config)))
    return {
        "checkpoint": weights,
        "architecture": hashlib.sha256(sizes.encode()).hexdigest(),
        "speech": speech.hexdigest(),
    }


def _content_hash(sources: Mapping[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(sources, sort_keys=True).encode())
    for path in (Path(str(architecture.__file__)), Path(str(encoder.__file__)), Path(__file__)):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
