"""torch on the CPU without oneDNN, whose GELU gives wrong gradients in some releases."""

from types import ModuleType

MODULE = "torch"


def patch(module: ModuleType) -> None:
    """Turn it off; `torch.backends.mkldnn.flags(enabled=True)` turns it on again for a while."""
    module.backends.mkldnn.set_flags(False)
