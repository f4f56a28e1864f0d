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


def prepare_cuda(record: Any) -> bool:
    """Full float32 in convolutions and products (TF32 alone would exceed the tolerance); whether torch sees a device.

    That it sees none (a driver too old, a hidden device) is no verdict on the packages: it is told as an event.
    """
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return True
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    if not torch.cuda.is_available():
        record.event("no-device", message="torch %s sees no CUDA device on this machine" % torch.__version__)
        return False
    return True
