"""S3PRL's own training: its command line's arguments and its Runner, on a LibriSpeech-like set of the project's speech.

S3PRL's ASR downstream reads LibriSpeech: sound in ``<speaker>/<chapter>/``, beside it the chapter's transcripts, and a
table of lengths for its buckets. Words end with ``|``, and every character is in capitals.
"""

from __future__ import annotations

import csv
import glob
import inspect
import os
import shutil
import sys
import wave
from typing import Any, Sequence

from . import Context

DOWNSTREAM = "asr"
_SPEAKER, _CHAPTER = "1", "2"


def runner(context: Context, folder: str, *, trainable: bool, steps: int, rate: float) -> Any:
    """S3PRL's Runner for the published checkpoint; all that it reads and writes is in `folder`, which is empty."""
    from s3prl.run_downstream import Runner, get_downstream_args

    command = ["-m", "train", "-d", DOWNSTREAM, "-u", "hf_wav2vec2_custom", "-k", context.model]
    command += ["-c", _configuration(context, folder, steps=steps, rate=rate)]
    command += ["-p", os.path.join(folder, "experiment"), "--device", context.device]
    arguments, configuration, _ = _parsed(get_downstream_args, command + (["-f"] if trainable else []))
    return Runner(arguments, configuration)


def characters(symbols: Sequence[str]) -> "list[str]":
    """The labels' symbols as S3PRL's transcripts have them."""
    return [symbol.replace("<space>", "|").upper() for symbol in symbols]


def values(runner: Any) -> "dict[str, dict[str, Any]]":
    """Copies of all that the Runner's parts hold, by part and name."""
    return {
        part: {name: value.detach().clone() for name, value in getattr(runner, part).model.state_dict().items()}
        for part in ("upstream", "featurizer", "downstream")
    }


def checkpoint(file: str) -> Any:
    """A checkpoint of the Runner's, which holds more than tensors: newer torch has to be told that this is meant."""
    import torch

    known = inspect.signature(torch.load).parameters
    options = {"weights_only": False} if "weights_only" in known else {}
    return torch.load(file, map_location="cpu", **options)


def decoded(runner: Any) -> int:
    """How many hypotheses it wrote."""
    count = 0
    for name in glob.glob(os.path.join(runner.args.expdir, "*-hyp.ark")):
        with open(name, encoding="utf-8") as file:
            count += len(file.readlines())
    return count


def utterances(context: Context) -> int:
    """How many there are to be decoded."""
    return len(_spoken(context))


def _spoken(context: Context) -> "list[dict[str, str]]":
    with open(os.path.join(context.fixtures, "speech", "transcripts.tsv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _parsed(parse: Any, command: "list[str]") -> Any:
    # S3PRL's parser reads the process's own command line
    before = sys.argv
    sys.argv = ["run_downstream.py", *command]
    try:
        return parse()
    finally:
        sys.argv = before


def _configuration(context: Context, folder: str, *, steps: int, rate: float) -> str:
    with open(os.path.join(context.fixtures, "s3prl", "asr.yaml"), encoding="utf-8") as file:
        text = file.read()
    words = {"@DATA@": _data(context, folder), "@STEPS@": str(steps), "@RATE@": repr(rate)}
    for word, value in words.items():
        text = text.replace(word, value)
    written = os.path.join(folder, "asr.yaml")
    with open(written, "w", encoding="utf-8") as file:
        file.write(text)
    return written


def _data(context: Context, folder: str) -> str:
    data = os.path.join(folder, "data")
    chapter = os.path.join(_SPEAKER, _CHAPTER)
    os.makedirs(os.path.join(data, chapter))
    spoken = os.path.join(context.fixtures, "speech")
    lines, table = [], ["file_path,length"]
    for row in _spoken(context):
        name = "%s-%s-%s" % (_SPEAKER, _CHAPTER, row["id"])
        sound = os.path.join(chapter, name + ".wav")
        shutil.copyfile(os.path.join(spoken, row["id"] + ".wav"), os.path.join(data, sound))
        with wave.open(os.path.join(data, sound)) as opened:
            table.append("%s,%d" % (sound, opened.getnframes()))
        lines.append("%s %s" % (name, row["text"]))
    known = [character for character in characters(context.symbols) if not character.startswith("<")]
    _write(os.path.join(data, chapter, "%s-%s.trans.txt" % (_SPEAKER, _CHAPTER)), lines)
    _write(os.path.join(data, "spoken.csv"), table)
    _write(os.path.join(data, "characters.txt"), [character + " 1" for character in known])
    return data


def _write(file: str, lines: Sequence[str]) -> None:
    with open(file, "w", encoding="utf-8") as opened:
        opened.writelines(line + "\n" for line in lines)
