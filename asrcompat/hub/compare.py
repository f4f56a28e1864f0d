"""How the real repository differs from the stand-in: in files, configuration and tensors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from asrcompat.errors import HarnessError
from asrcompat.hub.architecture import read_architecture
from asrcompat.hub.catalogue import MAIN
from asrcompat.hub.checkpoint import read_checkpoint
from asrcompat.hub.repositories import CHECKPOINT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_CONFIG = "config.json"
_ABSENT = "(absent)"


def compare(fixture_repo: Path, real_repo: Path) -> dict[str, Any]:
    """The differences between two repositories of a hub's root folder, as plain data.

    ``files``, ``config`` and ``tensors`` each map a name to ``{"fixture": …, "real": …}``, where ``(absent)`` stands
    for what one side lacks; ``equal`` says that there is none. A fixture without weights is taken to have the tensors
    that its configuration asks for. The contents of weights and of prose are not compared.
    """
    files = _differences(_files(fixture_repo) | {CHECKPOINT: "present"}, _files(real_repo))
    config = _differences(_config(fixture_repo), _config(real_repo))
    tensors = _differences(_tensors(fixture_repo), _tensors(real_repo))
    return {"equal": not (files or config or tensors), "files": files, "config": config, "tensors": tensors}


def _differences(fixture: Mapping[str, Any], real: Mapping[str, Any]) -> dict[str, Any]:
    pairs = {
        name: {"fixture": fixture.get(name, _ABSENT), "real": real.get(name, _ABSENT)}
        for name in sorted(fixture.keys() | real.keys())
    }
    return {name: pair for name, pair in pairs.items() if pair["fixture"] != pair["real"]}


def _files(repository: Path) -> dict[str, str]:
    main = repository / MAIN
    return {path.relative_to(main).as_posix(): "present" for path in main.rglob("*") if path.is_file()}


def _config(repository: Path) -> dict[str, Any]:
    path = repository / MAIN / _CONFIG
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        message = f"{path}: not a configuration: {error}"
        raise HarnessError(message) from error


def _tensors(repository: Path) -> dict[str, Any]:
    path = repository / MAIN / CHECKPOINT
    if path.is_file():
        stored = read_checkpoint(path)
        return {name: {"dtype": tensor.dtype, "shape": list(tensor.shape)} for name, tensor in stored.items()}
    if not (repository / MAIN / _CONFIG).is_file():
        return {}
    shapes = read_architecture(repository / MAIN / _CONFIG).shapes()
    return {name: {"dtype": "float32", "shape": list(shape)} for name, shape in shapes.items()}
