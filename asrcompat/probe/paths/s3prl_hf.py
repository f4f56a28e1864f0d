"""S3PRL's ``hf_wav2vec2_custom`` by name, through ``s3prl.nn``: all layers, mixed by its Featurizer, a CTC head."""

from __future__ import annotations

from typing import Any

from . import Context, _s3prl

MODULES = ("s3prl.nn",)
BEHIND = ("transformers",)  # S3PRL imports it when this upstream is asked for


def load(context: Context) -> Any:
    """The published checkpoint in S3PRL's upstream."""
    from s3prl.nn import S3PRLUpstream

    upstream = S3PRLUpstream("hf_wav2vec2_custom", path_or_url=context.model)
    return _s3prl.Subject(upstream, len(context.symbols))
