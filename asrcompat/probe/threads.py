"""The threads of a path: those that its run has to spare by now, which other environments may have left meanwhile.

A file says how many (`asrcompat.run.cores` writes it). Where there is none, or it is torn, they are those that the
probe was started with.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Optional

_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def take(file: Optional[str]) -> None:
    """Take as many threads as the file says; a torch that is yet to be imported finds them in the variables."""
    try:
        with open(file or "", encoding="utf-8") as handle:
            threads = int(json.load(handle)["threads"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    if os.environ.get(_VARIABLES[0]) == str(threads):
        return
    os.environ.update(dict.fromkeys(_VARIABLES, str(threads)))
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)


def taken() -> Optional[int]:
    """How many threads the imported torch computes with; None where it was not imported."""
    torch: Any = sys.modules.get("torch")
    return None if torch is None else int(torch.get_num_threads())
