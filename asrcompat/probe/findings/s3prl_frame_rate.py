"""What S3PRL offers a consumer of another frame rate: its recurrent layers leave frames out; nothing interpolates."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from ..arrays import feature_batch
from ..cell import CheckFailed, Passed

if TYPE_CHECKING:
    from ..cell import Cell

STAGE = "features"
GROUP = "audio"
PATHS = ("s3prl-hf",)

_STEP = 2


def run(cell: Cell) -> None:
    """What the upstream and the Featurizer can be asked for, then what S3PRL's recogniser does to the rate."""
    cell.check("rate-asked-for", _asked_for)
    cell.check("rate-halved", lambda: _halved(cell))


def _asked_for() -> Passed:
    from s3prl.nn import Featurizer, S3PRLUpstream

    options = {one.__name__: list(inspect.signature(one).parameters) for one in (S3PRLUpstream, Featurizer)}
    about = [
        "%s(%s)" % (name, option)
        for name, its in options.items()
        for option in its
        if any(word in option for word in ("rate", "interpol", "sampl", "stride"))
    ]
    if not about:
        message = "neither S3PRLUpstream nor Featurizer can be asked for another frame rate: their options are %s"
        told = "; ".join("%s: %s" % (name, ", ".join(its)) for name, its in options.items())
        raise CheckFailed(message % told, options=options)
    return Passed("options about the frame rate: " + ", ".join(about), options=options)


def _halved(cell: Cell) -> Passed:
    import torch
    from s3prl.nn.rnn import downsample

    batch = feature_batch(cell.settings)
    with torch.no_grad():
        features = cell.subject.features(batch.speech, batch.lengths)
    given = features.output
    found, lengths = downsample(given, features.lengths, _STEP, "drop")
    joined, joined_lengths = downsample(given, features.lengths, _STEP, "concat")
    frames = [int(length) for length in lengths]
    expected = [int(length) // _STEP for length in features.lengths]
    if frames != expected or [int(length) for length in joined_lengths] != expected:
        raise CheckFailed("%s frames of %s in place of %s" % (frames, features.lengths.tolist(), expected))
    if not bool((found == given[:, ::_STEP]).all()):
        raise CheckFailed("`drop` gives other values than those of every second frame")
    if joined.size(-1) != _STEP * given.size(-1):
        raise CheckFailed("`concat` gives frames %d wide" % joined.size(-1))
    return Passed(
        "S3PRL's recurrent layers (sample_rate: 2) make %s frames of %s, by leaving out every other one (drop) or by "
        "joining two (concat): whole steps down, no interpolation" % (frames, features.lengths.tolist()),
        frames=frames,
    )
