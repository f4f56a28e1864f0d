"""Stage ``features``: the right shape, lengths in frames, finite, and equal to what the checkpoint gives elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Tuple

from ..arrays import Batch, feature_batch, is_finite
from ..cell import CheckFailed, Passed, Skip
from . import _parity

if TYPE_CHECKING:
    from ..cell import Cell


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
        parity = None
        if cell.settings["inputs"]["reference"] is None:
            cell.check("parity", _without_reference, required=False)
        else:
            parity = cell.check("parity", lambda: _parity.judge(cell, features.layers, _parity.of_harness(cell)))
        if _parity.is_reference(cell):
            # only now that it is known to be right: a fault of this path is no other one's
            cell.check("serve-reference", lambda: _serve(cell, features, batch, parity), required=False)
        else:
            cell.check("parity-path", lambda: _parity.judge(cell, features.layers, _parity.of_path(cell)))
        if parity is not None and parity.padded == "unmasked":
            cell.check("padding", lambda: _parity.padding(parity.difference), required=False)
            cell.check("parity-alone", lambda: _parity.alone(cell, batch, parity))
        cell.check("output", lambda: _output(cell, features), required=features.mixed is not None)
        cell.check("batch-against-alone", lambda: _alone(cell, features, batch), required=False)


def _without_reference() -> None:
    raise Skip("this checkpoint has no reference features: its shape, lengths and values are looked at alone")


def _serve(cell: Cell, features: Any, batch: Batch, parity: Any) -> None:
    if parity is not None and parity.padded == "unmasked":
        raise Skip("without a mask over the padding: paths that make one are not to be measured by that")
    _parity.serve(cell, features, batch)


def _shape(cell: Cell, features: Any, batch: Batch) -> Passed:
    expected = cell.settings["expected"]
    width = int(features.output.size(-1))
    frames = int(features.output.size(1))
    found = {"width": width, "frames": frames, "layers": len(features.layers), "samples": int(batch.speech.size(1))}
    rows = {int(layer.size(0)) for layer in [*features.layers, features.output]}
    if rows != {int(batch.speech.size(0))}:
        message = "features of %s utterances, where the batch has %d"
        raise CheckFailed(message % (sorted(rows), batch.speech.size(0)), **found)
    widths = {int(layer.size(-1)) for layer in features.layers} | {width}
    if expected["width"] is not None and widths != {expected["width"]}:
        raise CheckFailed("width %s where the checkpoint's is %d" % (sorted(widths), expected["width"]), **found)
    if expected["layers"] is not None and len(features.layers) != expected["layers"]:
        raise CheckFailed("%d hidden states in place of %d" % (len(features.layers), expected["layers"]), **found)
    return Passed("%d wide, %d frames for %d samples" % (width, frames, found["samples"]), **found)


def _lengths(cell: Cell, features: Any) -> Passed:
    # S3PRL counts one frame for every begun 20 ms, the encoder one for every whole receptive field: up to one more
    reported = [int(length) for length in features.lengths]
    true = cell.settings["expected"]["lengths"]
    frames = int(features.output.size(1))
    right = len(reported) == len(true) and all(whole <= one <= whole + 1 for one, whole in zip(reported, true))
    if not right or max(reported) > frames:
        raise CheckFailed(
            "reported lengths %s: not the frames of these utterances, %s of %d" % (reported, true, frames),
            reported=reported,
            true=true,
        )
    return Passed("%s frames reported, %s whole ones" % (reported, true), reported=reported, true=true)


def _finite(features: Any) -> None:
    for number, layer in enumerate([*features.layers, features.output]):
        if not is_finite(layer):
            raise CheckFailed("hidden state %d holds values that are not finite" % number)


def _output(cell: Cell, features: Any) -> Passed:
    """What the next module is given must be made of the layers as the path says."""
    import torch

    if features.mixed is None:
        raise Skip("this configuration takes neither the last hidden state nor the mean of all")
    expected = torch.stack(features.layers).mean(0) if features.mixed else features.layers[-1]
    frames = min(expected.size(1), features.output.size(1))
    differences = (features.output[:, :frames] - expected[:, :frames]).abs()
    # beyond an utterance's frames a path may give zeros where the layers hold what padding led to
    difference = max(float(row[: int(length)].max()) for row, length in zip(differences, features.lengths))
    if not difference <= cell.settings["tolerance"]:
        raise CheckFailed(
            "the output differs by %.2g from the layers it is made of" % difference, difference=difference
        )
    kind = "the mean of all hidden states" if features.mixed else "the last hidden state"
    return Passed(kind, difference=difference)


def _alone(cell: Cell, features: Any, batch: Batch) -> Passed:
    """How far padding moves the features of the shorter utterance; a property of the model, told and not judged."""
    row, alone = _parity.shortest_alone(cell, batch)
    layers = alone.layers
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
