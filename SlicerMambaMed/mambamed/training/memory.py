"""How much memory a training has needed."""

from __future__ import annotations

import sys

import torch

__all__ = ["peak_memory_gb"]


def peak_memory_gb(device: torch.device) -> float | None:
    """Return the most memory used so far in GB: of the graphics card where that computes, else of this process.

    None where the system does not tell.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e9
    if sys.platform == "win32":
        return None
    import resource

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / 1e9 if sys.platform == "darwin" else largest * 1024 / 1e9
