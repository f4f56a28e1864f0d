"""The checkpoint as published, to be written again in other forms: its tensors under Transformers' names of 2021."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asrcompat.hub.architecture import OLD_NAMES, Architecture, read_architecture
from asrcompat.hub.checkpoint import CheckpointError, StoredTensor, read_checkpoint
from asrcompat.hub.repositories import checkpoint_path, config_path

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Published:
    """The files of a hub's main revision, the architecture they ask for, and its tensors."""

    config: Path
    checkpoint: Path
    architecture: Architecture
    tensors: dict[str, StoredTensor]

    def values(self, name: str) -> NDArray[np.float32]:
        """The values of a tensor, by its name of 2021."""
        values: NDArray[np.float32] = self.tensors[name].values
        return values


def read_published(hub_root: Path, model: str) -> Published:
    """The model in a hub's root folder; `CheckpointError` where tensors are missing, misshapen or not float32."""
    config, checkpoint = config_path(hub_root, model), checkpoint_path(hub_root, model)
    architecture = read_architecture(config)
    named = {name.removeprefix("wav2vec2."): tensor for name, tensor in read_checkpoint(checkpoint).items()}
    found = {OLD_NAMES.get(name, name): tensor for name, tensor in named.items()}
    shapes = architecture.shapes()
    wrong = [
        name
        for name, shape in shapes.items()
        if name not in found or (found[name].shape, found[name].dtype) != (shape, "float32")
    ]
    if wrong:
        message = f"{checkpoint}: tensors missing, of another shape, or not float32: {', '.join(wrong)}"
        raise CheckpointError(message)
    return Published(
        config=config, checkpoint=checkpoint, architecture=architecture, tensors={name: found[name] for name in shapes}
    )


def content_hash(*sources: Path | ModuleType) -> str:
    """A short hash of files, and of the modules that make something of them: old results never meet new sources."""
    digest = hashlib.sha256()
    for source in sources:
        with (source if isinstance(source, Path) else Path(str(source.__file__))).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
