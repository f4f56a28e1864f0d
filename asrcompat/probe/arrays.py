"""Sound, labels and features between the harness's raw float32 files and torch."""

from __future__ import annotations

import array
import json
import math
import os
import sys
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

RATE = 16_000


class Batch(NamedTuple):
    """Padded input: speech [batch, samples] float32, lengths [batch]; labels [batch, labels] with -1, lengths."""

    speech: Any
    lengths: Any
    labels: Any
    label_lengths: Any


def read_floats(file: str) -> array.array[float]:
    """The little-endian float32 numbers of a file."""
    values = array.array("f")
    with open(file, "rb") as source:
        values.frombytes(source.read())
    if sys.byteorder == "big":
        values.byteswap()
    return values


def pad(utterances: Sequence[Any], device: str) -> Batch:
    """A batch of unlabelled utterances (float sequences), padded with zeros at the end."""
    import torch

    lengths = torch.tensor([len(samples) for samples in utterances], device=device)
    speech = torch.zeros(len(utterances), int(lengths.max()), device=device)
    for row, samples in enumerate(utterances):
        speech[row, : len(samples)] = torch.as_tensor(samples, dtype=torch.float32, device=device)
    return Batch(speech, lengths, None, None)


def feature_batch(settings: Dict[str, Any]) -> Batch:
    """The batch that the references were computed from."""
    return pad([read_floats(file) for file in settings["inputs"]["features"]], settings["device"])


def train_batch(
    settings: Dict[str, Any], trial: int = 0, size: int = 2, seconds: Optional[float] = None, repeat: int = 1
) -> Batch:
    """A labelled batch of `size` utterances, beginning at another one in every trial.

    With `seconds`, of the first so much of its beginning, of every next one a fifth less, and of the labels their
    share: so that no consumer of features finds more labels than frames. `repeat` says the last one's labels again.
    """
    import torch

    spoken: List[Dict[str, str]] = settings["inputs"]["train"]
    chosen = [spoken[(trial + offset) % len(spoken)] for offset in range(size)]
    utterances = [read_floats(item["file"]) for item in chosen]
    texts = [item["text"] for item in chosen]
    if seconds is not None:
        for row, samples in enumerate(utterances):
            kept = min(len(samples), int(seconds * RATE * (1 - row / 5)))
            utterances[row] = samples[:kept]
            texts[row] = texts[row][: max(1, len(texts[row]) * kept // len(samples))]
    texts[-1] *= repeat
    batch = pad(utterances, settings["device"])
    numbers = {symbol: number for number, symbol in enumerate(settings["symbols"])}
    rows = [[numbers[letter.replace(" ", "<space>")] for letter in text] for text in texts]
    lengths = torch.tensor([len(row) for row in rows], device=batch.speech.device)
    labels = torch.full((size, int(lengths.max())), -1, dtype=torch.long, device=batch.speech.device)
    for number, numbered in enumerate(rows):
        labels[number, : len(numbered)] = torch.tensor(numbered)
    return Batch(batch.speech, batch.lengths, labels, lengths)


def speech_of(settings: Dict[str, Any], samples: int) -> Batch:
    """One unlabelled utterance of so many samples: the training speech, as often as it takes."""
    joined = array.array("f")
    for item in settings["inputs"]["train"]:
        joined.extend(read_floats(item["file"]))
    joined *= -(-samples // len(joined))
    return pad([joined[:samples]], settings["device"])


def prepared(batch: Batch) -> Batch:
    """The batch as wav2vec2-base's preprocessor makes it: every utterance's valid samples to mean 0 and variance 1."""
    rows = []
    for samples, length in zip(batch.speech.double(), batch.lengths):
        valid = samples[: int(length)]
        rows.append(((valid - valid.mean()) / (valid.var(unbiased=False) + 1e-7).sqrt()).tolist())
    return pad(rows, str(batch.speech.device))


def is_finite(values: Any) -> bool:
    """Whether a tensor holds numbers only; by its least and largest, which one that is no number would be."""
    return not values.numel() or all(bool(bound.isfinite()) for bound in values.detach().aminmax())


def largest_difference(mine: Any, other: Any) -> float:
    """Between two tensors [batch, frames, width], over the frames that both have."""
    frames = min(mine.size(1), other.size(1))
    return float((mine[:, :frames].float() - other[:, :frames].float()).abs().max())


def largest(values: Sequence[float]) -> float:
    """The largest number; nan where one is none, which Python's max would pass over."""
    return max(values, key=lambda value: (math.isnan(value), value))


class Reference(NamedTuple):
    """Features [layers, batch, frames, width] of one kind of input, and the valid frames of each utterance."""

    layers: Any
    lengths: List[int]


def write_reference(stem: str, layers: Sequence[Any], lengths: Any) -> None:
    """Store features for other paths to be compared with."""
    import torch

    stacked = torch.stack([layer.detach().float().cpu() for layer in layers]).contiguous()
    with open(stem + ".f32", "wb") as file:
        array.array("f", stacked.flatten().tolist()).tofile(file)
    facts = {"file": stem + ".f32", "shape": list(stacked.shape), "lengths": [int(length) for length in lengths]}
    with open(stem + ".json.part", "w", encoding="utf-8") as text:
        json.dump(facts, text)
    os.replace(stem + ".json.part", stem + ".json")


def read_reference(stem: str) -> Reference:
    """Read what `write_reference`, or the harness, stored; raises OSError where there is none."""
    import torch

    with open(stem + ".json", encoding="utf-8") as file:
        facts = json.load(file)
    values = torch.frombuffer(read_floats(facts["file"]), dtype=torch.float32)
    return Reference(values.view(*facts["shape"]), facts["lengths"])
