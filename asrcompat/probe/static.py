"""Facts about torch's build that need no device: versions, CUDA, architectures compiled for, the least driver.

The least driver is that of Linux on x86-64 with which programs built by any CUDA toolkit of a major version run ("minor
version compatibility"): table 2 of the CUDA Toolkit Release Notes,
https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/, and, to the branch,
https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html.
"""

from __future__ import annotations

import sys
from typing import Any, Dict, Optional

_LEAST_DRIVERS = {"11": "450.80.02", "12": "525.60.13", "13": "580.65.06"}


def facts() -> Dict[str, Any]:
    """What the imported torch says of itself; empty where torch was not imported."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return {}
    found = {"torch": str(torch.__version__), "cuda": torch.version.cuda}
    try:
        # `torch.cuda.get_arch_list` is empty without a device; the build's flags are not
        flags = torch._C._cuda_getArchFlags()
    except AttributeError:
        flags = None
    found["architectures"] = flags.split() if flags else []
    found["least_driver"] = least_driver(torch.version.cuda)
    return found


def least_driver(cuda: Optional[str]) -> Optional[str]:
    """The oldest NVIDIA driver that a build for this CUDA version runs with; None where that is not known."""
    return None if cuda is None else _LEAST_DRIVERS.get(cuda.partition(".")[0])


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
        record.event("no-device", message=_without_device())
        return False
    return True


def _without_device() -> str:
    found = facts()
    message = "torch %(torch)s sees no CUDA device on this machine" % found
    if found["cuda"] is None:
        return message + "; it is built without CUDA"
    if found["least_driver"] is not None:
        message += "; it is built for CUDA %(cuda)s, which takes driver %(least_driver)s or later" % found
    if found["architectures"]:
        message += ", and for " + " ".join(found["architectures"])
    return message
