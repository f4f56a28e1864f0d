"""A small matrix.toml for tests, and ways to write and to spoil it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asrcompat.spec import Spec, load_spec

if TYPE_CHECKING:
    from pathlib import Path

PATHS = ("espnet-s3prl", "s3prl-hf", "transformers")

MATRIX = """\
schema = 1

[model]
name = "someone/some-model"
weights = "synthetic-base"

[axes]
python = ["3.10", "3.12"]
torch = ["1.13.1", "2.3.1", "newest"]
transformers = ["4.41.2", "newest"]
s3prl = ["0.4.14", "0.4.15", "espnet-s3prl newest", "espnet-s3prl 2026.5.14"]
espnet = ["202402", "202611"]

[axes.torchaudio]
follows = "torch"
reason = "they are compiled together"

[profiles.core]
description = "before and after"
default = true

[[profiles.core.grid]]
python = "3.10"
torch = "2.3.1"
espnet = "202402"
transformers = "4.41.2"
s3prl = ["0.4.14", "0.4.15"]

[[profiles.core.grid]]
python = "3.12"
torch = ["2.3.1", "newest"]
espnet = "202611"
transformers = "newest"
s3prl = ["0.4.15", "espnet-s3prl newest"]

[profiles.smoke]
description = "one"
weights = "synthetic-small"

[[profiles.smoke.grid]]
python = "3.10"
torch = "1.13.1"
torchaudio = "0.13.0"
espnet = "202402"
transformers = "4.41.2"
s3prl = "0.4.15"
pins = ["numpy<2"]
reason = "compiled against numpy 1"

[[pins]]
when = { espnet = "<=202402", python = ">=3.10" }
requirements = ["setuptools<81"]
reason = "pkg_resources"

[[exclude]]
when = { torch = "newest", s3prl = "espnet-s3prl newest" }
reason = "not looked at"

[probe]
paths = ["transformers", "s3prl-hf"]
devices = ["cpu", "cuda"]
seed = 23
trials = 20
tolerance = 1e-4

[limits]
resolve_seconds = 300
install_seconds = 1800
import_seconds = 300
cell_seconds = 600
train_seconds = 300
silence_seconds = 300
memory_gb = 8
output_mb = 16
jobs = "auto"

[index]
torch_cpu = "https://example.org/cpu"
lock_hours = 12
"""


def write(folder: Path, text: str) -> Path:
    """Write `text` as matrix.toml into `folder`."""
    path = folder / "matrix.toml"
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str = MATRIX) -> Spec:
    """Write and load a matrix.toml."""
    return load_spec(write(folder, text), paths=PATHS)


def edited(*edits: tuple[str, str]) -> str:
    """Replace the first occurrence of each text by another; a text that is not there is a fault of the test."""
    text = MATRIX
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text
