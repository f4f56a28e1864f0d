"""PyTorch's own index of CPU builds: a tenth of the size of PyPI's, where it can be reached."""

from __future__ import annotations

import urllib.error
import urllib.request
from functools import cache
from http import HTTPStatus

_SECONDS = 5.0


@cache
def reachable(index: str) -> bool:
    """Whether `index` answers for torch, asked once per process."""
    request = urllib.request.Request(index.rstrip("/") + "/torch/", method="HEAD")  # noqa: S310 - from matrix.toml
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:  # noqa: S310
            return bool(response.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError, ValueError):
        return False
