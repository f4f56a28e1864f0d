"""The features that every loading path is compared with: what the checkpoint *file* says, computed independently.

There are two references for one batch: raw input, and input prepared as ``facebook/wav2vec2-base``'s preprocessor
does (each utterance to zero mean and unit variance over its own samples, then padding with zeros). Both are kept as
files of plain numbers, so that a probe can compare without numpy.
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


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Two files of little-endian float32 in C order, each of `shape` [layers, utterances, frames, width].

    `layers` counts the first layer's input too. `lengths` are the valid frames of each utterance; beyond them the
    values mean nothing.
    """

    raw: Path
    prepared: Path
    shape: tuple[int, int, int, int]
    lengths: tuple[int, ...]


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
            computed = _computed(config, checkpoint, utterances, sources)
            if stored:
                check(computed, stored)
            _write(computed, partial)
    elif stored:
        check(_read(folder, sources), stored)
    described = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
    return Reference(
        raw=folder / "raw.f32",
        prepared=folder / "prepared.f32",
        shape=tuple(described["shape"]),
        lengths=tuple(described["lengths"]),
    )


def compute(*, hub_root: Path, model: str, utterances: Sequence[NDArray[np.float32]]) -> Computed:
    """The features of raw and of prepared input, not kept anywhere."""
    config, checkpoint = config_path(hub_root, model), checkpoint_path(hub_root, model)
    return _computed(config, checkpoint, utterances, _sources(config, checkpoint, utterances))


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


def _computed(
    config: Path, checkpoint: Path, utterances: Sequence[NDArray[np.float32]], sources: Mapping[str, str]
) -> Computed:
    shape_of = architecture.read_architecture(config)
    lengths = [len(samples) for samples in utterances]
    frames = tuple(shape_of.frames(length) for length in lengths)
    if not frames or min(frames) < 1:
        message = "the reference batch has an utterance that is too short for one frame of features"
        raise HarnessError(message)
    model = encoder.Encoder(shape_of, read_checkpoint(checkpoint))
    # Both inputs in one batch: each tensor is read and widened once.
    batch = np.concatenate([pad(utterances), pad([prepared(samples) for samples in utterances])])
    states = np.split(model.hidden_states(batch, lengths * 2), 2, axis=1)
    return Computed(features=dict(zip(_KINDS, states, strict=True)), lengths=frames, sources=sources)


def _write(computed: Computed, folder: Path) -> None:
    for kind, values in computed.features.items():
        (folder / f"{kind}.f32").write_bytes(np.ascontiguousarray(values, dtype="<f4").tobytes())
    described = {
        "shape": computed.features["raw"].shape,
        "lengths": computed.lengths,
        "sources": dict(computed.sources),
        "environment": environment(),
    }
    (folder / _DESCRIPTION).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


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
