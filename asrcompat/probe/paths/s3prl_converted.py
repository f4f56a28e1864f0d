"""The checkpoint in fairseq's format, converted by S3PRL, through ``wav2vec2_custom``: S3PRL's copy of the model.

S3PRL's converter reads with fairseq, which the environment has to have. In state ``converted`` the converted file is
there already, and needs fairseq no more.
"""

from __future__ import annotations

from typing import Any

from . import Context, _s3prl

MODULES = ("s3prl.nn",)
# in every environment, whether fairseq is there or not
FINDINGS_STATE = "converted"


def load(context: Context) -> Any:
    """The converted checkpoint in S3PRL's upstream, which runs the convolutions without gradients."""
    from s3prl.nn import S3PRLUpstream

    upstream = S3PRLUpstream("wav2vec2_custom", path_or_url=_s3prl.converted(context))
    return _s3prl.Subject(upstream, len(context.symbols), untrained=("first convolution", "other convolutions"))
