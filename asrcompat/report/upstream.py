"""Where a cause is known from: an issue of a package's own repository is linked, all else is told as it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from asrcompat.report.sanitize import web_address

_ISSUE = re.compile(r"([\w-]+)#(\d+)")
# The repositories that the catalogue names by their last part.
_REPOSITORIES = {
    "espnet": "espnet/espnet",
    "fairseq": "facebookresearch/fairseq",
    "s3prl": "s3prl/s3prl",
    "torchaudio": "pytorch/audio",
    "transformers": "huggingface/transformers",
    "vakyansh-wav2vec2-experimentation": "Open-Speech-EkStep/vakyansh-wav2vec2-experimentation",
}


@dataclass(frozen=True, kw_only=True)
class Source:
    """A source, with its address where it has one."""

    title: str
    url: str


def source(name: str) -> Source:
    """Find the address of a source."""
    found = _ISSUE.fullmatch(name)
    if found is not None and found[1] in _REPOSITORIES:
        return Source(title=name, url=f"https://github.com/{_REPOSITORIES[found[1]]}/issues/{found[2]}")
    return Source(title=name, url=web_address(name))
