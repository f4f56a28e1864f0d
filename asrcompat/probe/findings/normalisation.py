"""Features' ranges, and a normalisation between them and a head: over the width, or over an utterance's time.

On ESPnet's paths the second is ESPnet's own, ``UtteranceMVN`` with ``norm_vars``, and what it gives is judged over the
frames that are no padding: where it is off, that is ESPnet's. Elsewhere it is one of ours, and so is the layer norm a
fresh one of torch's everywhere: both can but show that such a layer fits there, and the messages say so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Tuple

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


class Normalisation(NamedTuple):
    """What it is, in words; of frames and their lengths it makes frames; its statistics' axis; what of it trains."""

    name: str
    make: Callable[[Any, Any], Any]
    axis: int
    parameters: Tuple[Any, ...] = ()


def run(cell: Cell) -> None:
    """How the features come, then each normalisation: its statistics, and a training step with it."""
    import torch

    torch.manual_seed(cell.settings["seed"])
    batch = feature_batch(cell.settings)
    with torch.no_grad():
        features = cell.subject.features(batch.speech, batch.lengths)
    cell.check("feature-range", lambda: _range(features))
    norm = torch.nn.LayerNorm(int(features.output.size(-1)), eps=_EPSILON).to(cell.device)
    name = "a layer norm of torch's over the width, freshly made here"
    layer = Normalisation(name, lambda output, _lengths: norm(output), -1, tuple(norm.parameters()))
    cell.check("layer-norm", lambda: _tried(cell, features, layer))
    cell.restore()
    if cell.name.startswith("espnet-"):
        cell.check("utterance-mvn", lambda: _tried(cell, features, _espnets()))
    else:
        ours = Normalisation("mean and variance over an utterance, by our own code", _over_time, 0)
        cell.check("utterance-norm", lambda: _tried(cell, features, ours))


def _espnets() -> Normalisation:
    from espnet2.layers.utterance_mvn import UtteranceMVN

    layer = UtteranceMVN(norm_means=True, norm_vars=True)

    def make(output: Any, lengths: Any) -> Any:
        # it writes into what it is given, where no gradient is asked for
        return layer(output if output.requires_grad else output.clone(), lengths)[0]

    return Normalisation("ESPnet's UtteranceMVN with norm_vars", make, 0)


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


def _tried(cell: Cell, features: Any, norm: Normalisation) -> Passed:
    """Its statistics over each row's valid frames, and a step; raises `CheckFailed` with both where they are off."""
    rows = _rows(norm.make(features.output, features.lengths).detach(), features.lengths)
    means = [float(row.mean(norm.axis).abs().max()) for row in rows]
    spreads = [row.std(norm.axis, unbiased=False) for row in rows]
    off = [float((spread - 1).abs().max()) for spread in spreads]
    least, largest = min(float(one.min()) for one in spreads), max(float(one.max()) for one in spreads)
    frames = [int(length) for length in features.lengths]
    data: Dict[str, Any] = {"mean": max(means), "deviation": max(off), "frames": frames, "deviations": off}
    told = "%s: means within %.2g of 0, deviations within %.2g of 1" % (norm.name, max(means), max(off))
    step = "a training step by hand, loss %.4g" % _stepped(cell, norm)
    if not (max(means) <= _OFF and max(off) <= _OFF):
        shown = "; ".join("%d frames: %.2g off" % pair for pair in zip(frames, off))
        message = "%s: %.2g to %.2g over the frames that are no padding (%s); %s"
        raise CheckFailed(message % (told, least, largest, shown, step), **data)
    return Passed("%s; %s" % (told, step), **data)


def _over_time(output: Any, lengths: Any) -> Any:
    """Over the frames that are not padding; what is padding comes out as it may."""
    import torch

    rows = []
    for row, length in zip(output, lengths):
        valid = row[: int(length)]
        variance = valid.var(0, unbiased=False)
        rows.append((row - valid.mean(0)) / (variance + _EPSILON**2).sqrt())
    return torch.stack(rows)


def _stepped(cell: Cell, norm: Normalisation) -> float:
    """A step of encoder, normalisation and a fresh head; raises `CheckFailed` where it leaves what is not finite."""
    import torch

    subject = cell.subject
    train_without_chance(subject)
    batch = train_batch(cell.settings, seconds=1)
    features = subject.features(batch.speech, batch.lengths)
    head = torch.nn.Linear(int(features.output.size(-1)), len(cell.settings["symbols"])).to(cell.device)
    trained = [*subject.upstream.parameters(), *head.parameters(), *norm.parameters]
    logits = head(norm.make(features.output, features.lengths))
    loss = _ctc.loss(logits, features.lengths, batch.labels, batch.label_lengths)
    loss.backward()
    torch.optim.Adam(trained, lr=LEARNING_RATE).step()
    if not is_finite(loss) or not all(is_finite(one) for one in trained):
        raise CheckFailed("a training step with it leaves values that are not finite; the loss is %r" % float(loss))
    return float(loss.detach())
