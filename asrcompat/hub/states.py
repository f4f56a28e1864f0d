"""The checkpoint in other states than the published one, as local folders that people have.

- ``preprocessor``: the repository as published, with the ``preprocessor_config.json`` that it lacks, copied from
  ``facebook/wav2vec2-base``'s;
- ``resaved``: as ``from_pretrained`` and ``save_pretrained`` of Transformers 4 leave it, safetensors with the names
  of newer torch's weight norm (``parametrizations.weight.original0``);
- ``resaved-5``: the same with Transformers 5, which keeps the names that it has read (``weight_g``);
- ``converted``: the file that S3PRL's converter makes of the checkpoint in fairseq's format, beside the repository's
  ``config.json``: as somebody hands it on who has the fairseq by which the converter reads.

The last three are built here: the saved ones byte by byte what the real packages write (``fixtures/hub-states`` says
which were looked at), the converted one with the same content. Weights that are in the hub's root folder already are
linked, not copied.
"""

from __future__ import annotations

import filecmp
import json
import shutil
import sys
from typing import TYPE_CHECKING

from asrcompat.errors import HarnessError
from asrcompat.hub import checkpoint, fairseq, pickles, published, safetensors
from asrcompat.hub.architecture import NEW_NAMES
from asrcompat.hub.catalogue import MAIN
from asrcompat.hub.folders import building, link
from asrcompat.hub.published import Published, content_hash, read_published
from asrcompat.hub.repositories import SAFETENSORS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LENDER = "facebook/wav2vec2-base"
_PREPROCESSOR = "preprocessor_config.json"
_DEFAULTS = "hub-states/resaved/config.json"
_CONVERTED = "converted"

# The name of the file in the folder of that state; path ``s3prl-converted`` looks for it.
CONVERTED_FILE = "converted.pt"

# Each state of a saved checkpoint: the version of Transformers, and what it calls tensors otherwise than published.
_SAVED: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "resaved": ("4.57.6", NEW_NAMES),
    "resaved-5": ("5.23.0", {}),
}

# What a configuration of 2021 may say and Transformers no longer writes; it says ``dtype`` now.
_NOT_WRITTEN = frozenset({"_name_or_path", "torch_dtype"})


def prepare_states(*, hub_root: Path, model: str, fixtures: Path, work: Path) -> dict[str, Path]:
    """The folder of each state, for the model in a hub's root folder; made once, then found again."""
    source, defaults, template = read_published(hub_root, model), fixtures / _DEFAULTS, fixtures / fairseq.TEMPLATE
    lent = hub_root / _LENDER / MAIN / _PREPROCESSOR
    if not lent.is_file():
        message = f"{lent}: missing; the state 'preprocessor' is made with it"
        raise HarnessError(message)
    generator = (safetensors, checkpoint, pickles, fairseq, published, sys.modules[__name__])
    root = work / f"states-{content_hash(source.config, source.checkpoint, lent, defaults, template, *generator)}"
    if not root.is_dir():
        with building(root) as partial:
            _add_preprocessor(partial / "preprocessor", source, lent)
            for state, (version, renamed) in _SAVED.items():
                _save(partial / state, source, _saved_config(source, defaults, version), renamed)
            _convert(partial / _CONVERTED, source, template)
    return {state: root / state for state in ("preprocessor", *_SAVED, _CONVERTED)}


def _add_preprocessor(folder: Path, source: Published, lent: Path) -> None:
    main = source.config.parent
    for path in sorted(path for path in main.rglob("*") if path.is_file()):
        copy = folder / path.relative_to(main)
        copy.parent.mkdir(parents=True, exist_ok=True)
        link(path, copy)
    shutil.copyfile(lent, folder / _PREPROCESSOR)


def _convert(folder: Path, source: Published, template: Path) -> None:
    folder.mkdir()
    # nothing reads it here; a state without one could not be given another configuration, as every state is in trials
    link(source.config, folder / "config.json")
    content = json.loads(template.read_text(encoding="utf-8"))
    fairseq.write_converted(folder / CONVERTED_FILE, source, content)


def _saved_config(source: Published, defaults: Path, version: str) -> str:
    read = json.loads(source.config.read_text(encoding="utf-8"))
    config = json.loads(defaults.read_text(encoding="utf-8"))
    config["output_hidden_size"] = source.architecture.width  # the one default that follows from another value
    config |= {key: value for key, value in read.items() if key not in _NOT_WRITTEN}
    config |= {"architectures": ["Wav2Vec2Model"], "dtype": "float32", "transformers_version": version}
    return json.dumps(config, indent=2, sort_keys=True) + "\n"


def _save(folder: Path, source: Published, config: str, renamed: Mapping[str, str]) -> None:
    folder.mkdir()
    (folder / "config.json").write_text(config, encoding="utf-8")
    originals = {renamed.get(name, name): name for name in source.tensors}
    shapes = {name: source.tensors[original].shape for name, original in originals.items()}
    target = folder / SAFETENSORS
    safetensors.write_safetensors(target, shapes, lambda name: source.values(originals[name]))
    # The hub's bot made the same of the published checkpoint: the bytes need not be on the disk twice.
    for offered in source.config.parents[1].glob(f"*/{SAFETENSORS}"):
        if filecmp.cmp(offered, target, shallow=False):
            target.unlink()
            link(offered, target)
            return
