"""The CTC loss that paths without a training criterion of their own use."""

from __future__ import annotations

from typing import Any


def loss(logits: Any, frames: Any, labels: Any, label_lengths: Any) -> Any:
    """Mean CTC loss of logits [batch, frames, symbols]; symbol 0 is the blank, labels are padded with -1."""
    from torch.nn import functional

    scores = functional.log_softmax(logits.float(), dim=-1).transpose(0, 1)
    return functional.ctc_loss(scores, labels.clamp(min=0), frames, label_lengths, blank=0)
