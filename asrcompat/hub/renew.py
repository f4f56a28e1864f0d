"""Renew the stored references, deliberately: ``python -m asrcompat.hub.renew synthetic-small synthetic-base``.

To be run in a checkout, after a change that is meant to change features: of the generator of weights, of the
fixture's configuration, of the speech. Have the result confirmed by the real packages before it is committed
(``pytest tests/test_hub_reference.py``), and say in the commit why it changed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from asrcompat.hub.reference import compute
from asrcompat.hub.repositories import prepare
from asrcompat.hub.speech import features_batch
from asrcompat.hub.stored import describe, stored_reference
from asrcompat.model import Weights

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIXTURES = Path(__file__).parents[2] / "fixtures"
_MODEL = "Harveenchadha/wav2vec2-pretrained-clsril-23-10k"


def renew(*, weights: Weights, model: str, fixtures: Path, work: Path) -> Path:
    """Compute the reference of synthetic weights afresh, and store samples of it below `fixtures`."""
    root = prepare(weights=weights, model=model, fixtures=fixtures, work=work)
    described = describe(compute(hub_root=root, model=model, utterances=features_batch(fixtures)))
    file = stored_reference(fixtures, weights)
    file.parent.mkdir(exist_ok=True)
    file.write_text(_text(described), encoding="utf-8")
    return file


def _text(described: Mapping[str, Any]) -> str:
    """JSON with a line for each layer: a difference between two versions of the file then says which layers moved."""
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in described.items())
    return "{\n" + ",\n".join(lines).replace("[[", "[\n[").replace("], ", "],\n") + "\n}\n"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m asrcompat.hub.renew", description=__doc__)
    parser.add_argument("weights", nargs="+", choices=[name for name in get_args(Weights) if name != "hub"])
    for weights in parser.parse_args().weights:
        with tempfile.TemporaryDirectory() as work:
            renew(weights=weights, model=_MODEL, fixtures=_FIXTURES, work=Path(work))


if __name__ == "__main__":
    main()
