"""The features that every loading path is compared with: what the checkpoint *file* says, computed independently.

There are two references for one batch: raw input, and input prepared as ``facebook/wav2vec2-base``'s preprocessor
does (each utterance to zero mean and unit variance over its own samples, then padding with zeros). Both are kept as
files of plain numbers, so that a probe can compare without numpy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asrcompat.errors import HarnessError
from asrcompat.hub import architecture, encoder
from asrcompat.hub.checkpoint import read_checkpoint
from asrcompat.hub.folders import building
from asrcompat.hub.repositories import checkpoint_path, config_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VARIANCE_EPSILON = 1e-7


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
    *, hub_root: Path, model: str, utterances: Sequence[NDArray[np.float32]], work: Path
) -> Reference:
    """The references for this batch of utterances and the checkpoint in `hub_root`; computed once, then found again."""
    config, checkpoint = config_path(hub_root, model), checkpoint_path(hub_root, model)
    folder = work / f"reference-{_content_hash(config, checkpoint, utterances)[:16]}"
    if not folder.is_dir():
        with building(folder) as partial:
            _compute(config, checkpoint, utterances, partial)
    described = json.loads((folder / "reference.json").read_text(encoding="utf-8"))
    return Reference(
        raw=folder / "raw.f32",
        prepared=folder / "prepared.f32",
        shape=tuple(described["shape"]),
        lengths=tuple(described["lengths"]),
    )


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


def _compute(config: Path, checkpoint: Path, utterances: Sequence[NDArray[np.float32]], folder: Path) -> None:
    shape_of = architecture.read_architecture(config)
    lengths = [len(samples) for samples in utterances]
    frames = tuple(shape_of.frames(length) for length in lengths)
    if not frames or min(frames) < 1:
        message = "the reference batch has an utterance that is too short for one frame of features"
        raise HarnessError(message)
    model = encoder.Encoder(shape_of, read_checkpoint(checkpoint))
    # Both inputs in one batch: each tensor is read and widened once.
    batch = np.concatenate([pad(utterances), pad([prepared(samples) for samples in utterances])])
    states = model.hidden_states(batch, lengths * 2)
    raw_states, prepared_states = np.split(states, 2, axis=1)
    for name, values in (("raw", raw_states), ("prepared", prepared_states)):
        (folder / f"{name}.f32").write_bytes(np.ascontiguousarray(values, dtype="<f4").tobytes())
    described = {"shape": raw_states.shape, "lengths": frames, "architecture": asdict(shape_of)}
    (folder / "reference.json").write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def _content_hash(config: Path, checkpoint: Path, utterances: Sequence[NDArray[np.float32]]) -> str:
    digest = hashlib.sha256()
    for path in (Path(str(architecture.__file__)), Path(str(encoder.__file__)), Path(__file__), config, checkpoint):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    for samples in utterances:
        digest.update(hashlib.sha256(np.ascontiguousarray(samples, dtype="<f4").tobytes()).digest())
    return digest.hexdigest()
