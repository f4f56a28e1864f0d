"""The packages that a failure's own words name: the first to suspect, though no proof."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from packaging.utils import canonicalize_name

from asrcompat.model import Cell

_QUOTED = re.compile(r"['\"]([A-Za-z][\w.-]*)['\"]")


def named(cells: Iterable[Cell], packages: Collection[str]) -> tuple[str, ...]:
    """Those of `packages` that a message quotes, as a module or a distribution, in the messages' order.

    ``No module named 'tensorboardX'`` names tensorboardx, ``module 'torchaudio' has no attribute …`` torchaudio.
    """
    quoted = [word for cell in cells for word in _QUOTED.findall(cell.message)]
    names = (canonicalize_name(part) for word in quoted for part in (word, word.partition(".")[0]))
    return tuple(dict.fromkeys(name for name in names if name in packages))
