"""The speech fixtures, and the batch on which features are compared."""

from __future__ import annotations

import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from asrcompat.errors import HarnessError
from asrcompat.hub.speech import features_batch, load_utterances

FIXTURES = Path(__file__).parent.parent / "fixtures"


def test_four_short_utterances() -> None:
    utterances = load_utterances(FIXTURES)
    assert [one.id for one in utterances] == ["hindi", "tamil", "bengali", "telugu"]
    for one in utterances:
        assert one.samples.dtype == np.float32
        assert 1.0 <= len(one.samples) / 16000 <= 1.6
        assert 0.01 < one.samples.std() < 0.3
        assert np.abs(one.samples).max() < 1.0
        assert one.text == one.text.strip().lower()
        assert one.text.isascii()
        # CTC needs a frame per letter and one more between equal letters, after 50 frames a second are halved
        repeated = sum(first == second for first, second in zip(one.text, one.text[1:], strict=False))
        assert 3 <= len(one.text) <= 10
        assert len(one.text) + repeated < len(one.samples) / 16000 * 25


def test_the_batch_is_one_normal_and_one_quiet_utterance() -> None:
    first, second = features_batch(FIXTURES)
    assert (len(first), len(second)) == (16000, 11200)
    assert first.dtype == second.dtype == np.float32
    assert second.std() < first.std() / 30
    again = features_batch(FIXTURES)
    np.testing.assert_array_equal(second, again[1])


def test_broken_fixtures_are_named(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match=r"transcripts\.tsv"):
        load_utterances(tmp_path)
    shutil.copytree(FIXTURES / "speech", tmp_path / "speech")
    with wave.open(str(tmp_path / "speech" / "tamil.wav"), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
    with pytest.raises(HarnessError, match="16 kHz"):
        load_utterances(tmp_path)
    (tmp_path / "speech" / "hindi.wav").write_bytes(b"RIFF")
    with pytest.raises(HarnessError, match="cannot read the speech fixtures"):
        load_utterances(tmp_path)
