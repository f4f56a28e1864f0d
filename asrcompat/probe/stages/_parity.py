"""Parity: whether a path's features are the checkpoint's, by two kinds of reference and on two kinds of input.

One reference comes from the harness, by arithmetic of its own on the checkpoint's file, so that damage which all paths
share is seen; the other from this environment's reference path. Each is computed on raw input and on input prepared as
``facebook/wav2vec2-base``'s preprocessor does, and each with a mask over the padding and without one: some paths make
none in a batch. Compared are the frames that are no padding, layer by layer, of every utterance.
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
# Without a mask input may be prepared before it is padded or with its padding. What stands before the "-" is the kind.
_UNMASKED = ("raw", "prepared", "prepared-whole")
_UNMASKED_STEM, _ALONE_STEM = "unmasked-", "alone-"


class References(NamedTuple):
    """Features by kind of input: with a mask over the padding; and without, by the names in `_UNMASKED`."""

    masked: Dict[str, Reference]
    unmasked: Dict[str, Reference]


def is_reference(cell: Cell) -> bool:
    """Whether the other paths of this environment are compared with this row."""
    return cell.name == cell.settings["reference_path"] and cell.state == "published"


def path_stem(cell: Cell) -> str:
    """Where this environment's reference path leaves its features, without kind and ending."""
    return os.path.join(cell.settings["reference_folder"], "reference")


def of_harness(cell: Cell) -> References:
    """What the harness computed of the checkpoint under test: always there."""
    return _references(cell.settings["inputs"]["reference"])


def of_path(cell: Cell) -> References:
    """What this environment's reference path left; `Skip` where it did not come so far."""
    try:
        return _references(path_stem(cell))
    except FileNotFoundError:
        raise Skip("the reference path gave no features to compare with") from None


def _references(stem: str) -> References:
    return References(
        {kind: read_reference("%s-%s" % (stem, kind)) for kind in KINDS},
        {name: read_reference("%s-%s%s" % (stem, _UNMASKED_STEM, name)) for name in _UNMASKED},
    )


def serve(cell: Cell, raw: Any, batch: Batch) -> None:
    """Leave the reference path's features of the batch for the other paths."""
    changed = prepared(batch)
    stem = path_stem(cell)
    lengths = raw.lengths
    # without a mask: as if every utterance were as long as the batch
    whole = batch._replace(lengths=batch.lengths.clone().fill_(batch.speech.size(1)))
    inputs = (("raw", batch), ("prepared", changed), ("prepared-whole", prepared(whole)))
    for name, given in inputs:
        features = cell.subject.features(given.speech, whole.lengths)
        write_reference("%s-%s%s" % (stem, _UNMASKED_STEM, name), features.layers, lengths)
    of_prepared = cell.subject.features(changed.speech, changed.lengths)
    for kind, features in zip(KINDS, (raw, of_prepared)):
        write_reference("%s-%s" % (stem, kind), features.layers, lengths)


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
    """Which kind of input a path follows, and how: ``masked`` or ``unmasked``.

    `difference`: from the features with a mask, where they are followed without one.
    """

    follows: str
    padded: str
    difference: Optional[float]


def judge(cell: Cell, layers: List[Any], references: References) -> Passed:
    """Whether these are the checkpoint's features, of every utterance, with a mask over the padding or without one."""
    tolerance = cell.settings["tolerance"]
    lengths = next(iter(references.masked.values())).lengths
    _complete(layers, lengths)
    masked = {kind: difference_by_layer(layers, one) for kind, one in references.masked.items()}
    follows, value = following(masked, tolerance)
    told = "largest difference %.2g from raw input's features, %.2g from prepared input's" % tuple(
        largest(masked[kind]) for kind in KINDS
    )
    data: Dict[str, Any] = {"follows": follows, "parity": value, "per_layer": masked, "tolerance": tolerance}
    if min(lengths) < max(lengths):
        data["padded"] = "neither" if follows == "neither" else "masked"
    if follows != "neither":
        return Passed("follows %s input: %s" % (follows, told), value=Parity(follows, "masked", None), **data)
    tried = dict(masked)
    if references.unmasked:
        unmasked = {name: difference_by_layer(layers, one) for name, one in references.unmasked.items()}
        follows, difference = following(unmasked, tolerance)
        data["unmasked"] = {name: largest(of_layers) for name, of_layers in unmasked.items()}
        told += "; without a mask over the padding %.2g and %.2g" % (
            largest(unmasked["raw"]),
            min((largest(unmasked[name]) for name in _UNMASKED[1:]), key=_order),
        )
        if follows != "neither":
            data.update(follows=follows, parity=difference, padded="unmasked", from_masked=value)
            found = Parity(follows, "unmasked", value)
            return Passed("follows %s input without a mask: %s" % (follows, told), value=found, **data)
        tried.update(("without a mask, " + name, of_layers) for name, of_layers in unmasked.items())
    # what it agrees with for longest is what it was meant to be: the least difference may be another's by chance
    nearest = min(tried, key=lambda name: (-_first_beyond(tried[name], tolerance), _order(largest(tried[name]))))
    first = _first_beyond(tried[nearest], tolerance)
    message = "these are not the checkpoint's features: %s (tolerance %g), from hidden state %d on"
    message %= (told, tolerance, first)
    raise CheckFailed(message + _longest_alone(layers, references.masked, tolerance), **data)


def _complete(layers: List[Any], lengths: List[int]) -> None:
    """Whether every hidden state has all frames of all utterances: what is not there would not be compared."""
    for number, layer in enumerate(layers):
        rows, frames = int(layer.size(0)), int(layer.size(1))
        if rows != len(lengths) or frames < max(lengths):
            message = "hidden state %d is of %d utterances and %d frames, where there are %d, of up to %d frames"
            raise CheckFailed(message % (number, rows, frames, len(lengths), max(lengths)), follows="neither")


def _longest_alone(layers: List[Any], references: Dict[str, Reference], tolerance: float) -> str:
    """Where that is so: that the longest utterance is right, so that padding is what the rest suffers from."""
    lengths = next(iter(references.values())).lengths
    longest = [row for row, length in enumerate(lengths) if length == max(lengths)]
    found = {kind: difference_by_layer(layers, one, longest) for kind, one in references.items()}
    follows, difference = following(found, tolerance)
    if follows == "neither" or len(longest) == len(lengths):
        return ""
    message = "; the longest utterance, which is not padded, does follow %s input (%.2g): padded ones are wrong"
    return message % (follows, difference)


def following(found: Dict[str, List[float]], tolerance: float) -> Tuple[str, float]:
    """The kinds of input that are followed, in a word, and the difference from the nearest of `found`.

    That holds differences by layer, by kind; what a kind's name has after a ``-`` tells variants of it apart.
    """
    worst = {name: largest(differences) for name, differences in found.items()}
    followed = {name.partition("-")[0] for name in worst if worst[name] <= tolerance}
    word = "neither" if not followed else "both" if len(followed) > 1 else followed.pop()
    return word, min(worst.values(), key=_order)


def _order(value: float) -> Tuple[bool, float]:
    return math.isnan(value), value


def padding(difference: float) -> None:
    """Told and not judged: what padding does to this model's features is as large as their spread in any case."""
    raise CheckFailed(
        "padded utterances' features differ by up to %.2g from those with a mask over the padding: in a batch this "
        "path makes none" % difference,
        difference=difference,
    )


def alone(cell: Cell, batch: Batch, parity: Parity) -> Passed:
    """The utterance that was padded, by itself: there the path has to follow the same kind of input.

    Compared with the harness's arithmetic, which is there whatever became of the reference path.
    """
    stem = "%s-%s" % (cell.settings["inputs"]["reference"], _ALONE_STEM)
    references = {kind: read_reference(stem + kind) for kind in KINDS}
    _, features = shortest_alone(cell, batch)
    passed = judge(cell, features.layers, References(references, {}))
    kinds = {passed.value.follows, parity.follows}
    if len(kinds) > 1 and "both" not in kinds:
        message = "alone, the shortest utterance follows %s input, in the batch all follow %s"
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
