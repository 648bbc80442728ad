"""From voxels to tokens: patch embedding, position code, patch merging. Tokens: channels last (B, X, Y, Z, C)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch import nn

__all__ = ["PatchEmbedding", "PatchMerging", "sinusoidal_position"]

_NEIGHBOURS = ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1))


class PatchEmbedding(nn.Module):
    """Convolution with kernel and stride ``patch_size``, then LayerNorm."""

    def __init__(self, channels_in: int, channels: int, patch_size: int = 4) -> None:
        super().__init__()
        self.proj = nn.Conv3d(channels_in, channels, patch_size, stride=patch_size)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor, more: Tensor | None = None) -> Tensor:
        """(B, C_in, X, Y, Z) and what is added before the norm (B, C, X / 4, ...) -> (B, X / 4, Y / 4, Z / 4, C)."""
        embedded = self.proj(x)
        return self.norm((embedded if more is None else embedded + more).movedim(1, -1))


class PatchMerging(nn.Module):
    """Join 2 x 2 x 2 tokens: LayerNorm(8C), then a linear map to 2C without bias; sizes must be even."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(8 * channels)
        self.reduction = nn.Linear(8 * channels, 2 * channels, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, X, Y, Z, C) -> (B, X / 2, Y / 2, Z / 2, 2C)."""
        joined = torch.cat([tokens[:, i::2, j::2, k::2] for i, j, k in _NEIGHBOURS], dim=-1)
        return self.reduction(self.norm(joined))


def sinusoidal_position(tokens: Tensor) -> Tensor:
    """Fixed code of the place of every token (X, Y, Z, C), in the type of ``tokens`` (B, X, Y, Z, C).

    Each axis has c = 2 * ceil(C / 6) channels (made even): sines, then cosines, of the index times 10000^(-2k / c). The
    codes of the axes follow each other and are cut to C channels. Computed in single precision, as published.
    """
    channels = tokens.shape[-1]
    per_axis = 2 * math.ceil(channels / 6)
    per_axis += per_axis % 2
    frequencies = 10000.0 ** (-torch.arange(0, per_axis, 2, dtype=torch.float32, device=tokens.device) / per_axis)
    sizes = tokens.shape[1:4]
    codes = []
    for axis, size in enumerate(sizes):
        angles = torch.outer(torch.arange(size, dtype=torch.float32, device=tokens.device), frequencies)
        code = torch.cat((angles.sin(), angles.cos()), dim=-1)
        shape = [1, 1, 1, per_axis]
        shape[axis] = size
        codes.append(code.reshape(shape).expand(*sizes, per_axis))
    return torch.cat(codes, dim=-1)[..., :channels].to(tokens.dtype)
