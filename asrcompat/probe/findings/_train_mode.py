"""Train mode for findings: with everything random but the dropping of whole layers, which is the trials' matter."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, List, Tuple

# What the packages call the probability that a layer is dropped: Transformers and fairseq, torchaudio.
_NAMES = ("layerdrop", "layer_drop")


@contextlib.contextmanager
def all_layers(subject: Any, seed: int) -> Iterator[None]:
    """Train mode, seeded, in which no layer is dropped; afterwards evaluation mode, and dropping as it was."""
    import torch

    kept: List[Tuple[Any, str, Any]] = []
    for holder in _holders(subject.upstream):
        for name in _NAMES:
            value = getattr(holder, name, None)
            if isinstance(value, float):
                kept.append((holder, name, value))
                setattr(holder, name, 0.0)
    torch.manual_seed(seed)
    subject.model.train()
    try:
        yield
    finally:
        subject.model.eval()
        for holder, name, value in kept:
            setattr(holder, name, value)


def _holders(upstream: Any) -> Iterator[Any]:
    for module in upstream.modules():
        yield module
        if hasattr(module, "config"):
            yield module.config
