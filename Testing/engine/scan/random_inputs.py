"""Seeded inputs of the scan in every shape that it accepts."""

from __future__ import annotations

import torch


def random_inputs(
    batch: int,
    channels: int,
    length: int,
    state: int,
    b_kind: str = "token",
    c_kind: str = "token",
    optional: bool = True,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> dict[str, torch.Tensor]:
    """Keyword tensors of ``selective_scan``.

    ``b_kind`` and ``c_kind`` are ``constant``, ``token`` or ``group<number>``; ``optional`` adds D, z and delta_bias.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    def weights(kind: str) -> torch.Tensor:
        if kind == "constant":
            return normal(channels, state)
        if kind == "token":
            return normal(batch, state, length)
        return normal(batch, int(kind.removeprefix("group")), state, length)

    inputs = {
        "u": normal(batch, channels, length),
        "delta": normal(batch, channels, length),
        "A": -torch.exp(normal(channels, state)),
        "B": weights(b_kind),
        "C": weights(c_kind),
    }
    if optional:
        inputs |= {"D": normal(channels), "z": normal(batch, channels, length), "delta_bias": normal(channels) - 1}
    return inputs
