"""What stands between ESPnet's model and the probe where the configuration is a person's own."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Optional, Tuple

from . import Features, _espnet

_LAYER = re.compile(r"encoder\.layers\.(\d+)\.")


class ReadKeys(dict):  # type: ignore[type-arg]
    """A mapping that remembers which of its keys were asked for."""

    def __init__(self, values: Dict[str, Any]) -> None:
        super().__init__(values)
        self.read: List[str] = []

    def get(self, key: Any, default: Any = None) -> Any:
        """The value, as a dict gives it."""
        self.read.append(key)
        return super().get(key, default)

    def __getitem__(self, key: Any) -> Any:
        self.read.append(key)
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[Any]:
        # whoever goes through all keys (as ``**values`` does) has read them
        self.read.extend(super().__iter__())
        return super().__iter__()

    def keys(self) -> Any:
        """All keys."""
        self.read.extend(super().__iter__())
        return super().keys()


class Used:
    """The part of an upstream that the frontend's ``layer`` asks for: what lies above it gets no gradient, rightly."""

    def __init__(self, upstream: Any, layer: int) -> None:
        self.whole = upstream
        numbers = [int(found.group(1)) for found in map(_LAYER.search, dict(upstream.named_parameters())) if found]
        states = max(numbers, default=0) + 2  # what enters the first layer, and what leaves each
        self.layers = layer % states

    def __getattr__(self, name: str) -> Any:
        return getattr(self.whole, name)

    def __call__(self, *arguments: Any) -> Any:
        return self.whole(*arguments)

    def named_parameters(self) -> List[Tuple[str, Any]]:
        """The parameters that have a part in the layer asked for."""
        named = [(name, value, _LAYER.search(name)) for name, value in self.whole.named_parameters()]
        return [(name, value) for name, value, found in named if not found or int(found.group(1)) < self.layers]

    def parameters(self) -> List[Any]:
        """The same without names."""
        return [value for _, value in self.named_parameters()]


class S3prlSubject(_espnet.Trained):
    """ESPnet's model with an ``s3prl`` frontend, whichever of the layers it takes."""

    def features(self, speech: Any, lengths: Any) -> Features:
        """What the frontend gives the rest of the model, and the layers it is made of."""
        layers, _ = self.upstream(speech, lengths)
        output, frames = self.model.frontend(speech, lengths)
        # a single layer that is not the last one is no mean either: then nothing is said of how the output is made
        chosen = getattr(self.model.frontend, "layer", -1) in (-1, len(layers) - 1)
        mixed: Optional[bool] = bool(self.model.frontend.multilayer_feature) if chosen else None
        return Features(list(layers), output, frames, mixed=mixed)
