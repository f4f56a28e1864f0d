"""The checkpoint in fairseq's format, converted by S3PRL, through ``wav2vec2_custom``: S3PRL's copy of the model.

The converter reads with fairseq. Where that is not installed, it is given a stand-in for the one function that it
calls: as if the converted file had been brought along. That is told; whether the converter itself runs is a finding.
"""

from __future__ import annotations

from typing import Any

from . import Context, _s3prl

MODULES = ("s3prl.nn",)

_STAND_IN = "converted as on a machine that has fairseq, which this environment lacks: with a stand-in for its reader"


def load(context: Context) -> Any:
    """The converted checkpoint in S3PRL's upstream, which runs the convolutions without gradients."""
    from s3prl.nn import S3PRLUpstream

    upstream = S3PRLUpstream("wav2vec2_custom", path_or_url=_s3prl.converted(context))
    told = () if _s3prl.has_fairseq() else (_STAND_IN,)
    untrained = ("first convolution", "other convolutions")
    return _s3prl.Subject(upstream, len(context.symbols), untrained=untrained, told=told)
