"""Stage ``features``: the right shape, lengths in frames, finite, and equal to what the checkpoint gives elsewhere.

Compared with two kinds of reference, each computed twice: on raw input and on input prepared as
``facebook/wav2vec2-base``'s preprocessor does. One reference comes from the harness, by arithmetic of its own on the
checkpoint's file, so that damage which all paths share is seen; the other from this environment's reference path.
Compared are the frames that both have and that are not padding, layer by layer.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple

from ..arrays import Batch, feature_batch, pad, prepared, read_reference, write_reference
from ..ladder import CheckFailed, Passed, Skip

if TYPE_CHECKING:
    from ..arrays import Reference
    from ..ladder import Cell

_KINDS = ("raw", "prepared")


def run(cell: Cell) -> None:
    """All checks of features, on the batch that the references were computed from, in evaluation mode."""
    import torch

    cell.subject.model.eval()
    batch = feature_batch(cell.settings)
    with torch.no_grad():
        features = cell.check("features", lambda: cell.subject.features(batch.speech, batch.lengths))
        cell.check("shape", lambda: _shape(cell, features, batch))
        cell.check("lengths", lambda: _lengths(cell, features))
        cell.check("finite", lambda: _finite(features))
        if cell.name == cell.settings["reference_path"]:
            cell.check("serve-reference", lambda: _serve(cell, batch), required=False)
        # the harness makes this reference for every run: without it there is no verdict, so it may not be skipped
        own = {kind: read_reference("%s-%s" % (cell.settings["inputs"]["reference"], kind)) for kind in _KINDS}
        follows = cell.check("parity", lambda: _parity(cell, features, own))
        if cell.name != cell.settings["reference_path"]:
            cell.check("parity-path", lambda: _parity(cell, features, _of_path(cell)))
        cell.check("output", lambda: _output(cell, features, follows))
        cell.check("batch-against-alone", lambda: _alone(cell, features, batch), required=False)


def _path_stem(cell: Cell) -> str:
    return os.path.join(cell.settings["reference_folder"], "reference")


def _of_path(cell: Cell) -> Dict[str, Reference]:
    """What this environment's reference path left; `Skip` where it did not come so far."""
    try:
        return {kind: read_reference("%s-%s" % (_path_stem(cell), kind)) for kind in _KINDS}
    except OSError:
        raise Skip("the reference path gave no features to compare with") from None


def _shape(cell: Cell, features: Any, batch: Batch) -> Passed:
    expected = cell.settings["expected"]
    width = int(features.output.size(-1))
    frames = int(features.output.size(1))
    found = {"width": width, "frames": frames, "layers": len(features.layers), "samples": int(batch.speech.size(1))}
    widths = {int(layer.size(-1)) for layer in features.layers} | {width}
    if widths != {expected["width"]}:
        raise CheckFailed("width %s where the checkpoint's is %d" % (sorted(widths), expected["width"]), **found)
    if len(features.layers) != expected["layers"]:
        raise CheckFailed("%d hidden states in place of %d" % (len(features.layers), expected["layers"]), **found)
    return Passed("%d wide, %d frames for %d samples" % (width, frames, found["samples"]), **found)


def _lengths(cell: Cell, features: Any) -> Passed:
    # S3PRL counts one frame for every begun 20 ms, the encoder one for every whole receptive field: one frame apart
    reported = [int(length) for length in features.lengths]
    true = cell.settings["expected"]["lengths"]
    frames = int(features.output.size(1))
    if any(abs(one - other) > 1 for one, other in zip(reported, true)) or max(reported) > frames:
        raise CheckFailed(
            "reported lengths %s: not the frames of these utterances, %s of %d" % (reported, true, frames),
            reported=reported,
            true=true,
        )
    return Passed("%s frames reported, %s whole ones" % (reported, true), reported=reported, true=true)


def _finite(features: Any) -> None:
    for number, layer in enumerate([*features.layers, features.output]):
        if not bool(layer.isfinite().all()):
            raise CheckFailed("hidden state %d holds values that are not finite" % number)


def _serve(cell: Cell, batch: Batch) -> None:
    for kind, one in zip(_KINDS, (batch, prepared(batch))):
        features = cell.subject.features(one.speech, one.lengths)
        write_reference("%s-%s" % (_path_stem(cell), kind), features.layers, features.lengths)


def _difference(layers: List[Any], reference: Reference) -> List[float]:
    """The largest absolute difference, per layer, over valid frames that both have."""
    worst = []
    for mine, other in zip(layers, reference.layers):
        frames = min(mine.size(1), other.size(1))
        differences = (mine[:, :frames].float().cpu() - other[:, :frames]).abs()
        rows = [row[: min(length, frames)].max() for row, length in zip(differences, reference.lengths)]
        worst.append(float(max(rows)))
    return worst


def _parity(cell: Cell, features: Any, references: Dict[str, Reference]) -> Passed:
    tolerance = cell.settings["tolerance"]
    found = {kind: _difference(features.layers, reference) for kind, reference in references.items()}
    worst = {kind: max(differences) for kind, differences in found.items()}
    follows = [kind for kind in _KINDS if worst[kind] <= tolerance]
    data = {
        "follows": "neither" if not follows else "both" if follows == list(_KINDS) else follows[0],
        "parity": min(worst.values()),
        "per_layer": found,
        "tolerance": tolerance,
    }
    told = "largest difference %.2g from raw input's features, %.2g from prepared input's" % (
        worst["raw"],
        worst["prepared"],
    )
    if not follows:
        first = _first_beyond(found[min(worst, key=lambda kind: worst[kind])], tolerance)
        message = "these are not the checkpoint's features: %s (tolerance %g), from hidden state %d on"
        raise CheckFailed(message % (told, tolerance, first), **data)
    return Passed("follows %s input: %s" % (data["follows"], told), value=data["follows"], **data)


def _first_beyond(differences: List[float], tolerance: float) -> int:
    # "not <=" rather than ">", so that a difference of nan counts
    return next((number for number, value in enumerate(differences) if not value <= tolerance), 0)


def _output(cell: Cell, features: Any, follows: Optional[str]) -> Passed:
    """What the next module is given must be made of the layers as the path says."""
    import torch

    expected = torch.stack(features.layers).mean(0) if features.mixed else features.layers[-1]
    frames = min(expected.size(1), features.output.size(1))
    difference = float((features.output[:, :frames] - expected[:, :frames]).abs().max())
    if not difference <= cell.settings["tolerance"]:
        raise CheckFailed(
            "the output differs by %.2g from the layers it is made of" % difference, difference=difference
        )
    kind = "the mean of all hidden states" if features.mixed else "the last hidden state"
    return Passed(kind, difference=difference, follows=follows)


def _alone(cell: Cell, features: Any, batch: Batch) -> Passed:
    """How far padding moves the features of the shorter utterance; a property of the model, told and not judged."""
    row = int(batch.lengths.argmin())
    samples = batch.speech[row, : int(batch.lengths[row])]
    alone = pad([samples.tolist()], cell.device)
    layers = cell.subject.features(alone.speech, alone.lengths).layers
    frames = min(layers[-1].size(1), features.layers[-1].size(1), cell.settings["expected"]["lengths"][row])
    together = features.layers[-1][row, :frames]
    difference = float((layers[-1][0, :frames] - together).abs().max())
    spread = float(together.std())
    data: Tuple[float, float] = (difference, spread)
    return Passed(
        "padding moves the last hidden state by up to %.2g, where its spread is %.2g" % data,
        difference=difference,
        spread=spread,
    )
