"""A data set as ESPnet's recipes lay it out: a folder for each part, with ``wav.scp``, ``text``, ``utt2spk``."""

from __future__ import annotations

import array
import os
import sys
import wave
from typing import Any, Dict, List, Sequence

from ..arrays import RATE, read_floats

_FULL_SCALE = 32_768

PARTS = ("train", "valid", "test")


def write(folder: str, spoken: Sequence[Dict[str, str]]) -> Dict[str, List[str]]:
    """All utterances twice to train with, the first two to validate, each once to decode; the names, by part."""
    chosen = {"train": [*spoken, *spoken], "valid": [*spoken[:2]], "test": [*spoken]}
    return {part: _write_part(os.path.join(folder, part), part, chosen[part]) for part in PARTS}


def _write_part(folder: str, part: str, spoken: Sequence[Dict[str, str]]) -> List[str]:
    os.makedirs(folder)
    names = ["%s-%d" % (part, number) for number in range(len(spoken))]
    lines: Dict[str, List[str]] = {"wav.scp": [], "text": [], "utt2spk": [], "spk2utt": []}
    for name, item in zip(names, spoken):
        file = os.path.join(folder, name + ".wav")
        write_wave(file, read_floats(item["file"]))
        for index, value in (("wav.scp", file), ("text", item["text"]), ("utt2spk", name), ("spk2utt", name)):
            lines[index].append("%s %s\n" % (name, value))
    for index, content in lines.items():
        with open(os.path.join(folder, index), "w", encoding="utf-8") as text:
            text.writelines(content)
    return names


def write_wave(file: str, samples: Any) -> None:
    """Samples from -1 to 1 as 16 bit, mono; those beyond are clipped."""
    numbers = [max(-_FULL_SCALE, min(_FULL_SCALE - 1, round(sample * _FULL_SCALE))) for sample in samples]
    values = array.array("h", numbers)
    if sys.byteorder == "big":
        values.byteswap()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes(values.tobytes())


def read_index(file: str) -> Dict[str, str]:
    """A file of lines "name value"; a value may be empty."""
    with open(file, encoding="utf-8") as text:
        pairs = (line.rstrip("\n").partition(" ") for line in text if line.strip())
        return {name: value for name, _, value in pairs}
