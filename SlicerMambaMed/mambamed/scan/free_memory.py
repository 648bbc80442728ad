"""Memory that a device can still give."""

from __future__ import annotations

import os

import torch

__all__ = ["free_memory_bytes"]

_UNKNOWN = 2**30
"""Assumed where the system does not tell: one gibibyte."""


def free_memory_bytes(device: torch.device) -> int:
    """Free bytes of a device, with what PyTorch holds in reserve for reuse; a cautious guess if unknown."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type == "mps":
        return max(0, torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    if device.type == "cpu":
        return _free_system_memory()
    return _UNKNOWN


def _free_system_memory() -> int:
    """Memory that Linux calls available, or the free pages of another POSIX system."""
    try:
        with open("/proc/meminfo", encoding="ascii") as lines:
            for line in lines:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return _UNKNOWN
