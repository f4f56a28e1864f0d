"""The speech that features are computed from and that training steps are made on: ``fixtures/speech``.

Features are compared on one batch, `features_batch`: an utterance at its normal level and a shorter, very quiet
one. wav2vec2's first group norm all but cancels an utterance's level, so at normal level a path that normalises its
input looks like one that doesn't; the quiet utterance sinks below the norm's epsilon and tells them apart. The
shorter length brings padding and mask in.
"""

from __future__ import annotations

import csv
import wave
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from asrcompat.errors import HarnessError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SAMPLE_RATE = 16_000

_SHORT = 11_200  # 0.7 s
_QUIET = 2.0**-6


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """A recording with its transcript; samples are between -1 and 1, at 16 kHz."""

    id: str
    text: str
    language: str
    samples: NDArray[np.float32]


def load_utterances(fixtures: Path) -> tuple[Utterance, ...]:
    """The utterances of ``<fixtures>/speech/transcripts.tsv``, in its order."""
    folder = fixtures / "speech"
    table = folder / "transcripts.tsv"
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", strict=True))
        return tuple(
            Utterance(
                id=row["id"], text=row["text"], language=row["language"], samples=_read(folder / f"{row['id']}.wav")
            )
            for row in rows
        )
    except (OSError, KeyError, csv.Error, wave.Error, EOFError) as error:
        message = f"{table}: cannot read the speech fixtures: {type(error).__name__}: {error}"
        raise HarnessError(message) from error


def features_batch(fixtures: Path) -> list[NDArray[np.float32]]:
    """One second of the first utterance, and 0.7 s of the second made very quiet."""
    first, second, *_ = load_utterances(fixtures)
    # A power of two: the scaling is exact in float32.
    return [first.samples[:SAMPLE_RATE], second.samples[:_SHORT] * np.float32(_QUIET)]


def _read(path: Path) -> NDArray[np.float32]:
    with wave.open(str(path), "rb") as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (SAMPLE_RATE, 1, 2):
            message = f"{path}: expected 16 kHz, mono, 16 bit"
            raise HarnessError(message)
        data = file.readframes(file.getnframes())
    return np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(32768)
