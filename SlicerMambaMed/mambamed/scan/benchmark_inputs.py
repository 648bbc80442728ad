"""The inputs on which the scan is measured: batch 1, 64 channels, state 16, every option in use."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["CHANNELS", "STATE", "benchmark_inputs"]

CHANNELS = 64
STATE = 16


def benchmark_inputs(length: int, device: str = "cpu") -> dict[str, Any]:
    """Seeded float32 tensors, keywords of ``selective_scan``: every option in use, steps as in Mamba."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    inputs = {
        "u": normal(1, CHANNELS, length),
        "delta": normal(1, CHANNELS, length),
        "A": -torch.arange(1, STATE + 1, dtype=torch.float32).repeat(CHANNELS, 1),
        "B": normal(1, STATE, length),
        "C": normal(1, STATE, length),
        "D": torch.ones(CHANNELS),
        "z": normal(1, CHANNELS, length),
        # Softplus of about -4.6 is a step of 0.01, the middle of the range in which Mamba starts.
        "delta_bias": torch.full((CHANNELS,), -4.6),
    }
    return {name: tensor.to(device) for name, tensor in inputs.items()}
