"""Parity: whether a path's features are the checkpoint's, by two kinds of reference and on two kinds of input.

One reference comes from the harness, by arithmetic of its own on the checkpoint's file, so that damage which all paths
share is seen; the other from this environment's reference path. Each is computed twice: on raw input and on input
prepared as ``facebook/wav2vec2-base``'s preprocessor does. Compared are the frames that both have and that are not
padding, layer by layer.
"""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

from ..arrays import Batch, largest, pad, prepared, read_reference, write_reference
from ..cell import CheckFailed, Passed, Skip

if TYPE_CHECKING:
    from ..arrays import Reference
    from ..cell import Cell

KINDS = ("raw", "prepared")
_ALONE = "-alone"


def is_reference(cell: Cell) -> bool:
    """Whether the other paths of this environment are compared with this row."""
    return cell.name == cell.settings["reference_path"] and cell.state == "published"


def path_stem(cell: Cell) -> str:
    """Where this environment's reference path leaves its features, without kind and ending."""
    return os.path.join(cell.settings["reference_folder"], "reference")


def of_harness(cell: Cell) -> Dict[str, Reference]:
    """What the harness computed of the checkpoint under test: always there."""
    stem = cell.settings["inputs"]["reference"]
    return {kind: read_reference("%s-%s" % (stem, kind)) for kind in KINDS}


def of_path(cell: Cell, what: str = "") -> Dict[str, Reference]:
    """What this environment's reference path left; `Skip` where it did not come so far."""
    try:
        return {kind: read_reference("%s%s-%s" % (path_stem(cell), what, kind)) for kind in KINDS}
    except FileNotFoundError:
        raise Skip("the reference path gave no features to compare with") from None


def serve(cell: Cell, raw: Any, batch: Batch) -> None:
    """Leave the reference path's features, of the batch and of its shortest utterance alone, for the other paths."""
    changed = prepared(batch)
    of_prepared = cell.subject.features(changed.speech, changed.lengths)
    for kind, features in zip(KINDS, (raw, of_prepared)):
        write_reference("%s-%s" % (path_stem(cell), kind), features.layers, features.lengths)
    for kind, given in zip(KINDS, (batch, changed)):
        _, alone = shortest_alone(cell, given)
        write_reference("%s%s-%s" % (path_stem(cell), _ALONE, kind), alone.layers, alone.lengths)


def difference_by_layer(layers: List[Any], reference: Reference, rows: Optional[List[int]] = None) -> List[float]:
    """The largest absolute difference, per layer, over valid frames that both have; of all utterances, or of `rows`."""
    import torch

    worst = []
    for mine, other in zip(layers, reference.layers):
        frames = min(mine.size(1), other.size(1))
        differences = (mine[:, :frames].float().cpu() - other[:, :frames]).abs()
        chosen = range(len(reference.lengths)) if rows is None else rows
        of_rows = [differences[row, : min(reference.lengths[row], frames)].max() for row in chosen]
        worst.append(float(torch.stack(of_rows).max()))  # nan where any is: Python's max would lose it
    return worst


class Parity(NamedTuple):
    """Which kind of input a path follows; `padded`: the difference of padded utterances, where these alone differ."""

    follows: str
    padded: Optional[float]


def judge(cell: Cell, layers: List[Any], references: Dict[str, Reference]) -> Passed:
    """Whether these are the checkpoint's features.

    Of every utterance or, where padding is dealt with otherwise than by a mask, of those that are not padded.
    """
    tolerance = cell.settings["tolerance"]
    found = {kind: difference_by_layer(layers, reference) for kind, reference in references.items()}
    follows, value = _following(found, tolerance)
    padded = None
    if follows == "neither":
        lengths = next(iter(references.values())).lengths
        longest = [row for row, length in enumerate(lengths) if length == max(lengths)]
        unpadded = {kind: difference_by_layer(layers, one, longest) for kind, one in references.items()}
        following, difference = _following(unpadded, tolerance)
        if following != "neither" and len(longest) < len(lengths):
            follows, value, padded = following, difference, value
    data = {"follows": follows, "parity": value, "per_layer": found, "tolerance": tolerance}
    told = "largest difference %.2g from raw input's features, %.2g from prepared input's" % tuple(
        largest(found[kind]) for kind in KINDS
    )
    if follows == "neither":
        nearest = min(found, key=lambda kind: _order(largest(found[kind])))
        first = _first_beyond(found[nearest], tolerance)
        message = "these are not the checkpoint's features: %s (tolerance %g), from hidden state %d on"
        raise CheckFailed(message % (told, tolerance, first), **data)
    if padded is not None:
        data["padded"] = padded
        told += "; but of the longest utterance, which is not padded, %.2g" % value
    return Passed("follows %s input: %s" % (follows, told), value=Parity(follows, padded), **data)


def _following(found: Dict[str, List[float]], tolerance: float) -> Tuple[str, float]:
    """The kinds of input that are followed, in a word, and the difference from the nearest."""
    worst = {kind: largest(differences) for kind, differences in found.items()}
    follows = [kind for kind in KINDS if worst[kind] <= tolerance]
    word = "neither" if not follows else "both" if follows == list(KINDS) else follows[0]
    return word, min(worst.values(), key=_order)


def _order(value: float) -> Tuple[bool, float]:
    return math.isnan(value), value


def padding(difference: float) -> None:
    """Told and not judged: what padding does to this model's features is as large as their spread in any case."""
    raise CheckFailed(
        "padded utterances' features differ by up to %.2g from those with a mask over the padding: in a batch this "
        "path deals with padding in its own way" % difference,
        difference=difference,
    )


def alone(cell: Cell, batch: Batch, parity: Parity) -> Passed:
    """The utterance that was padded, by itself: there the path has to follow the same kind of input."""
    _, features = shortest_alone(cell, batch)
    passed = judge(cell, features.layers, of_path(cell, _ALONE))
    kinds = {passed.value.follows, parity.follows}
    if len(kinds) > 1 and "both" not in kinds:
        message = "alone, the shortest utterance follows %s input, in the batch the longest follows %s"
        raise CheckFailed(message % (passed.value.follows, parity.follows), **passed.data)
    return passed


def _first_beyond(differences: List[float], tolerance: float) -> int:
    # "not <=" rather than ">", so that a difference of nan counts
    return next((number for number, value in enumerate(differences) if not value <= tolerance), 0)


def shortest_alone(cell: Cell, batch: Batch) -> Tuple[int, Any]:
    """The row of the shortest utterance, and its features without any padding."""
    row = int(batch.lengths.argmin())
    samples = batch.speech[row, : int(batch.lengths[row])]
    alone = pad([samples.tolist()], cell.device)
    return row, cell.subject.features(alone.speech, alone.lengths)
