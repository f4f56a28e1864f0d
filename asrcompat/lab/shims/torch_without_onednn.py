"""torch on the CPU without oneDNN, by which torch 2.0.1 gives wrong gradients of GELU; all else goes without it too."""

from types import ModuleType

MODULE = "torch"


def patch(module: ModuleType) -> None:
    """Turn it off; `torch.backends.mkldnn.flags(enabled=True)` turns it on again for a while."""
    module.backends.mkldnn.set_flags(False)
