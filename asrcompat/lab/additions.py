"""Files that a person could add to a copy of the checkpoint, and where each of them comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asrcompat.hub.catalogue import MAIN

LENDER = "facebook/wav2vec2-base"


@dataclass(frozen=True, kw_only=True)
class Addition:
    """A file to add: another revision's of the same repository, or where `lent`, the lender's."""

    file: Path
    lent: bool


def addition(name: str, hub: Path, model: str) -> Addition | None:
    """What there is under this name in the repositories of `hub`; no weights are lent."""
    own = sorted((hub / model).glob(f"*/{name}"))
    lent = hub / LENDER / MAIN / name
    if own:
        return Addition(file=own[0], lent=False)
    return Addition(file=lent, lent=True) if name.endswith(".json") and lent.is_file() else None
