"""ESPnet's ``s3prl`` frontend with ``multilayer_feature: false``: the last layer alone."""

from __future__ import annotations

from typing import Any

from . import Context, _espnet
from .espnet_s3prl import Subject

MODULES = ("s3prl.nn", "espnet2.tasks.asr")
BEHIND = ("transformers",)  # S3PRL imports it when this upstream is asked for


def load(context: Context) -> Any:
    """The same as ``espnet-s3prl`` but for that key, set on ESPnet's command line."""
    options = ("--frontend_conf", "multilayer_feature=false")
    return Subject(_espnet.build(context, "asr_s3prl.yaml", {"MODEL": context.model}, options))
