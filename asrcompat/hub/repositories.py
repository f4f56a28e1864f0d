"""Lay out a hub's root folder: the fixture's files, completed by weights.

``fixtures/hub`` holds what is small enough to commit, in the layout that `asrcompat.hub.catalogue` reads. The
weights are made here, into a folder whose name holds a hash of all that they follow from, so that a changed fixture
or generator is never met by old weights. It is built under a temporary name and renamed: a folder that has the name
is complete.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from asrcompat.errors import UsageError
from asrcompat.hub import architecture, checkpoint, pickles, safetensors, weights
from asrcompat.hub.catalogue import MAIN, revision_folder
from asrcompat.hub.folders import building

if TYPE_CHECKING:
    from asrcompat.model import Weights

CHECKPOINT = "pytorch_model.bin"
SAFETENSORS = "model.safetensors"

# The number of transformer layers, where it is not the configuration's own.
_LAYERS: dict[str, int | None] = {"synthetic-base": None, "synthetic-small": 2}


def prepare(*, weights: Weights, model: str, fixtures: Path, work: Path) -> Path:
    """The root folder of a hub with synthetic weights for `model`; made once, then found again."""
    if weights not in _LAYERS:
        message = f"weights {weights!r} are not synthetic; fetch them with asrcompat.hub.mirror first"
        raise UsageError(message)
    source = fixtures / "hub"
    if not (source / model / MAIN / "config.json").is_file():
        message = f"{source / model}: no fixture for this model; synthetic weights need its {MAIN}/config.json"
        raise UsageError(message)
    root = work / f"hub-{weights}-{_content_hash(source, weights)[:16]}"
    if root.is_dir():
        return root
    with building(root) as partial:
        shutil.copytree(source, partial, dirs_exist_ok=True)
        _add_weights(partial / model, layers=_LAYERS[weights])
    return root


def checkpoint_path(hub_root: Path, model: str) -> Path:
    """The model's weights in a hub's root folder."""
    return hub_root / model / MAIN / CHECKPOINT


def config_path(hub_root: Path, model: str) -> Path:
    """The model's configuration in a hub's root folder."""
    return hub_root / model / MAIN / "config.json"


def _add_weights(repository: Path, *, layers: int | None) -> None:
    config = repository / MAIN / "config.json"
    if layers is not None:
        values = json.loads(config.read_text(encoding="utf-8")) | {"num_hidden_layers": layers}
        config.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    shapes = architecture.read_architecture(config).shapes()
    path = repository / MAIN / CHECKPOINT
    checkpoint.write_checkpoint(path, shapes, lambda name: weights.synthetic_tensor(name, shapes[name]))
    stored = checkpoint.read_checkpoint(path)
    for request in json.loads((repository / "repository.json").read_text(encoding="utf-8"))["pull_requests"]:
        folder = repository / revision_folder(f"refs/pr/{request['number']}")
        folder.mkdir()
        safetensors.write_safetensors(folder / SAFETENSORS, shapes, lambda name: stored[name].values)


def _content_hash(source: Path, weights_name: str) -> str:
    digest = hashlib.sha256(weights_name.encode())
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        _update(digest, path.relative_to(source).as_posix(), path.read_bytes())
    # The generator's own text counts too: a version number to raise by hand would be forgotten one day.
    for made in (architecture, checkpoint, pickles, safetensors, weights):
        _update(digest, made.__name__, Path(str(made.__file__)).read_bytes())
    _update(digest, __name__, Path(__file__).read_bytes())
    return digest.hexdigest()


def _update(digest: hashlib._Hash, name: str, content: bytes) -> None:
    digest.update(f"\0{name}\0{len(content)}\0".encode() + content)
