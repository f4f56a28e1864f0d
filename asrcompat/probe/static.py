"""Facts about torch's build that need no device: versions, CUDA, the architectures its kernels were compiled for."""

from __future__ import annotations

import sys
from typing import Any, Dict


def facts() -> Dict[str, Any]:
    """What the imported torch says of itself; empty where torch was not imported."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return {}
    found = {"torch": str(torch.__version__), "cuda": torch.version.cuda, "threads": torch.get_num_threads()}
    try:
        # `torch.cuda.get_arch_list` is empty without a device; the build's flags are not
        flags = torch._C._cuda_getArchFlags()
    except AttributeError:
        flags = None
    found["architectures"] = flags.split() if flags else []
    return found
