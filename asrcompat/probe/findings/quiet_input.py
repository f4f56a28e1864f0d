"""Very quiet speech: whether the path follows raw or prepared input there too, and how far its features move.

The encoder's first group norm all but cancels the level of its input, down to where its epsilon weighs. Compared with
what this environment's reference path made of the same quiet input, raw and prepared; that path only tells how far
it moves, since stage ``features`` has compared it with arithmetic of the harness's own.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Dict, List

from ..arrays import largest_difference, prepared, read_reference, speech_of, write_reference
from ..cell import CheckFailed, Passed, Skip
from ..stages._parity import KINDS, following, is_reference, path_stem

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "features"
GROUP = "audio"
PATHS = None

_SCALES = (1e-3, 1e-4)
_SAMPLES = 16_000


def run(cell: Cell) -> None:
    """One second of speech, at a thousandth and at a ten-thousandth of its level."""
    for scale in _SCALES:
        cell.check("quiet-%g" % scale, partial(_quiet, cell, scale))


def _quiet(cell: Cell, scale: float) -> Passed:
    import torch

    speech = speech_of(cell.settings, _SAMPLES)
    batch = speech._replace(speech=speech.speech * scale)
    stem = "%s-quiet-%g" % (path_stem(cell), scale)
    with torch.no_grad():
        loud = cell.subject.features(speech.speech, speech.lengths).layers[-1]
        features = cell.subject.features(batch.speech, batch.lengths)
        if is_reference(cell):
            changed = prepared(batch)
            of_prepared = cell.subject.features(changed.speech, changed.lengths)
            for kind, one in zip(KINDS, (features, of_prepared)):
                write_reference("%s-%s" % (stem, kind), [one.layers[-1]], one.lengths)
    moved = largest_difference(features.layers[-1], loud)
    data = {"moved": moved, "spread": float(loud.std()), "scale": scale}
    told = "the last hidden state moves by up to %(moved).2g from that of the loud speech (spread %(spread).2g)" % data
    if is_reference(cell):
        return Passed(told, **data)
    try:
        found = {
            kind: [largest_difference(features.layers[-1].cpu(), read_reference("%s-%s" % (stem, kind)).layers[-1])]
            for kind in KINDS
        }
    except FileNotFoundError:
        raise Skip(told + "; the reference path left nothing to compare with") from None
    return _judge(cell, found, told, data)


def _judge(cell: Cell, found: Dict[str, List[float]], told: str, data: Dict[str, Any]) -> Passed:
    follows, _ = following(found, cell.settings["tolerance"])
    data.update({kind: differences[0] for kind, differences in found.items()}, follows=follows)
    told += "; it differs by %(raw).2g from raw input's and by %(prepared).2g from prepared input's" % data
    if follows == "neither":
        raise CheckFailed("follows neither raw nor prepared input: " + told, **data)
    return Passed("follows %s input: %s" % (data["follows"], told), **data)
