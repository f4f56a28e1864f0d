"""The most of a CUDA device's memory that something took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from ..cell import Passed

if TYPE_CHECKING:
    from ..cell import Cell

_MEGABYTE = 1_000_000


def reset(cell: Cell) -> None:
    """Count from now on."""
    if cell.device == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats()


def peak(cell: Cell) -> Optional[int]:
    """Bytes since `reset`; None where the device is none that counts them."""
    if cell.device != "cuda":
        return None
    import torch

    return int(torch.cuda.max_memory_allocated())


def told(peak_bytes: int) -> str:
    """In words."""
    return "at most %d MB of the device's memory" % (peak_bytes // _MEGABYTE)


def tell(cell: Cell) -> None:
    """A check ``peak-memory`` that tells of what ran since `reset`; none on other devices."""
    bytes_ = peak(cell)
    if bytes_ is not None:
        cell.check("peak-memory", lambda: Passed(told(bytes_), peak_bytes=bytes_), required=False)
