"""Features' ranges, and a normalisation between them and a head: over the width, or over an utterance's time.

Both are made here from torch alone and labelled so: a layer norm as torch has it, and mean and variance over an
utterance's frames as ESPnet's ``utterance_mvn`` takes them with ``norm_vars``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, List

from ..arrays import feature_batch, is_finite, train_batch
from ..cell import CheckFailed, Passed
from ..paths import _ctc
from ..stages.forward import train_without_chance
from ..stages.step import LEARNING_RATE

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "step"
GROUP = "finetuning"
PATHS = None

_EPSILON = 1e-5
_OFF = 0.02  # how far from 0 and 1 statistics may be: the epsilon weighs where a spread is small

Normalise = Callable[[Any, Any], Any]


def run(cell: Cell) -> None:
    """How the features come, then each normalisation: its statistics, and a training step with it."""
    import torch

    torch.manual_seed(cell.settings["seed"])
    batch = feature_batch(cell.settings)
    with torch.no_grad():
        features = cell.subject.features(batch.speech, batch.lengths)
    cell.check("feature-range", lambda: _range(features))
    norm = torch.nn.LayerNorm(int(features.output.size(-1)), eps=_EPSILON).to(cell.device)
    cell.check("layer-norm", lambda: _tried(cell, features, "layer norm over the width", norm, -1))
    cell.restore()
    cell.check("utterance-norm", lambda: _tried(cell, features, "mean and variance over an utterance", None, 0))


def _rows(output: Any, lengths: Any) -> List[Any]:
    return [row[: int(length)].float() for row, length in zip(output, lengths)]


def _range(features: Any) -> Passed:
    import torch

    values = torch.cat(_rows(features.output, features.lengths))
    by_width = values.std(0)
    data = {
        "least": float(values.min()),
        "largest": float(values.max()),
        "mean": float(values.mean()),
        "std": float(values.std()),
        "least_std": float(by_width.min()),
        "largest_std": float(by_width.max()),
    }
    message = (
        "features from %(least).3g to %(largest).3g, mean %(mean).2g, deviation %(std).2g; over time, single "
        "dimensions deviate by %(least_std).2g to %(largest_std).2g"
    )
    return Passed(message % data, **data)


def _tried(cell: Cell, features: Any, name: str, norm: Any, dimension: int) -> Passed:
    normalise: Normalise = _over_time if norm is None else (lambda output, _lengths: norm(output))
    rows = _rows(normalise(features.output, features.lengths).detach(), features.lengths)
    mean = max(float(row.mean(dimension).abs().max()) for row in rows)
    spread = max(float((row.std(dimension, unbiased=False) - 1).abs().max()) for row in rows)
    data = {"mean": mean, "deviation": spread}
    told = "%s: means within %.2g of 0, deviations within %.2g of 1" % (name, mean, spread)
    if not (mean <= _OFF and spread <= _OFF):
        raise CheckFailed(told, **data)
    return Passed("%s; a training step by hand, loss %.4g" % (told, _stepped(cell, normalise, norm)), **data)


def _over_time(output: Any, lengths: Any) -> Any:
    """Over the frames that are not padding; what is padding comes out as it may."""
    import torch

    rows = []
    for row, length in zip(output, lengths):
        valid = row[: int(length)]
        variance = valid.var(0, unbiased=False)
        rows.append((row - valid.mean(0)) / (variance + _EPSILON**2).sqrt())
    return torch.stack(rows)


def _stepped(cell: Cell, normalise: Normalise, norm: Any) -> float:
    """A step of encoder, normalisation and a fresh head; raises `CheckFailed` where it leaves what is not finite."""
    import torch

    subject = cell.subject
    train_without_chance(subject)
    batch = train_batch(cell.settings, seconds=1)
    features = subject.features(batch.speech, batch.lengths)
    head = torch.nn.Linear(int(features.output.size(-1)), len(cell.settings["symbols"])).to(cell.device)
    trained = [*subject.upstream.parameters(), *head.parameters(), *([] if norm is None else norm.parameters())]
    logits = head(normalise(features.output, features.lengths))
    loss = _ctc.loss(logits, features.lengths, batch.labels, batch.label_lengths)
    loss.backward()
    torch.optim.Adam(trained, lr=LEARNING_RATE).step()
    if not is_finite(loss) or not all(is_finite(one) for one in trained):
        raise CheckFailed("a training step with it leaves values that are not finite; the loss is %r" % float(loss))
    return float(loss.detach())
