"""S3PRL's own normalisation: what ``normalize=True`` of its upstream and of its Featurizer makes of the features."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, List

from ..arrays import feature_batch, largest
from ..cell import CheckFailed, Passed
from ..stages._parity import difference_by_layer, following, of_harness

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "features"
GROUP = "audio"
PATHS = ("s3prl-hf",)


def run(cell: Cell) -> None:
    """On the batch that the references were computed from."""
    for identity, judge in (("normalize-upstream", _upstream), ("normalize-featurizer", _featurizer)):
        cell.check(identity, partial(_with_plain, cell, judge))


def _with_plain(cell: Cell, judge: Any) -> Passed:
    import torch

    batch = feature_batch(cell.settings)
    with torch.no_grad():
        passed: Passed = judge(cell, batch, cell.subject.features(batch.speech, batch.lengths).layers)
    return passed


def _upstream(cell: Cell, batch: Any, plain: List[Any]) -> Passed:
    from s3prl.nn import S3PRLUpstream

    upstream = S3PRLUpstream("hf_wav2vec2_custom", path_or_url=cell.context.model, normalize=True)
    layers, _ = upstream.to(cell.device).eval()(batch.speech, batch.lengths)
    references = of_harness(cell).masked
    by_layer = {kind: difference_by_layer(layers, reference) for kind, reference in references.items()}
    found = {kind: largest(differences) for kind, differences in by_layer.items()}
    follows, _ = following(by_layer, cell.settings["tolerance"])
    if follows != "neither":
        raise CheckFailed("normalize=True changes nothing: the features follow %s input" % follows, **found)
    _explained(cell, "normalize=True of S3PRLUpstream", layers, [_normalised(layer) for layer in plain], found)
    return Passed(
        "normalize=True of S3PRLUpstream gives features that follow neither reference (%.2g from raw, %.2g from "
        "prepared input): it takes every frame of every hidden state to mean 0 and variance 1, after all else"
        % (found["raw"], found["prepared"]),
        follows="neither",
        **found,
    )


def _featurizer(cell: Cell, batch: Any, plain: List[Any]) -> Passed:
    import torch
    from s3prl.nn import Featurizer

    featurizer = Featurizer(cell.subject.upstream, normalize=True).to(cell.device)
    output, _ = featurizer(*cell.subject.upstream(batch.speech, batch.lengths))
    expected = torch.stack([_normalised(layer) for layer in plain]).mean(0)
    moved = float((output - torch.stack(plain).mean(0)).abs().max())
    _explained(cell, "normalize=True of Featurizer", [output], [expected], {"moved": moved})
    message = (
        "normalize=True of Featurizer mixes hidden states of mean 0 and variance 1: its output moves by up to %.2g"
    )
    return Passed(message % moved, moved=moved)


def _explained(cell: Cell, option: str, found: List[Any], expected: List[Any], data: Any) -> None:
    worst = max(float((one - other).abs().max()) for one, other in zip(found, expected))
    # a frame whose values hardly differ comes out magnified, and thread noise with it
    if not worst <= 10 * cell.settings["tolerance"]:
        message = "%s is more than the layer norm of each hidden state: it differs from that by %.2g"
        raise CheckFailed(message % (option, worst), unexplained=worst, **data)


def _normalised(layer: Any) -> Any:
    from torch.nn import functional

    return functional.layer_norm(layer, layer.shape[-1:])
