"""Attention within windows of a volume (Swin transformer in 3D, as in TransMorph). Tokens have channels last."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional

__all__ = ["SwinBlock"]

_FORBIDDEN = -100.0
"""Added to the logits of tokens that are neighbours only because the volume was rolled."""


class _WindowAttention(nn.Module):
    """Multi-head attention among the tokens of a window, with a learned bias for each relative position."""

    relative_position_index: Tensor

    def __init__(self, channels: int, window: Sequence[int], heads: int, projection_bias: bool) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels, bias=projection_bias)
        self.proj = nn.Linear(channels, channels)
        table_size = (2 * window[0] - 1) * (2 * window[1] - 1) * (2 * window[2] - 1)
        self.relative_position_bias_table = nn.Parameter(torch.empty(table_size, heads))
        nn.init.trunc_normal_(self.relative_position_bias_table, std=0.02)
        positions = torch.tensor(list(itertools.product(*(range(size) for size in window))))
        offsets = positions[:, None] - positions[None] + torch.tensor(list(window)) - 1
        strides = torch.tensor([(2 * window[1] - 1) * (2 * window[2] - 1), 2 * window[2] - 1, 1])
        self.register_buffer("relative_position_index", (offsets * strides).sum(dim=-1))

    def forward(self, windows: Tensor, mask: Tensor | None) -> Tensor:
        """Windows (B * W, N, C); mask (W, N, N) is added to the logits of each of the W windows of a volume."""
        count, length, channels = windows.shape
        query, key, value = self.qkv(windows).reshape(count, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        bias = self.relative_position_bias_table[self.relative_position_index].permute(2, 0, 1)[None]
        if mask is not None:
            bias = (bias + mask[:, None].to(bias.dtype)).repeat(count // mask.shape[0], 1, 1, 1)
        result = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias.expand(count, -1, -1, -1))
        return self.proj(result.transpose(1, 2).reshape(count, length, channels))


class _Perceptron(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(tokens)))


class SwinBlock(nn.Module):
    """Window attention and a perceptron, each with LayerNorm before and a residual connection around.

    Args:
        channels: token width.
        heads: attention heads.
        window: window size along the three axes.
        shifted: whether the volume is rolled by half a window first.
        expansion: hidden width of the perceptron per channel.
        projection_bias: whether the query, key and value projections have a bias.
        drop_path: probability of leaving out a branch in training.
    """

    def __init__(
        self,
        channels: int,
        heads: int,
        window: Sequence[int],
        shifted: bool,
        expansion: float = 4.0,
        projection_bias: bool = False,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.window = tuple(window)
        self.shift = tuple(size // 2 for size in window) if shifted else (0, 0, 0)
        self.drop_path = drop_path
        self.norm1 = nn.LayerNorm(channels)
        self.attn = _WindowAttention(channels, window, heads, projection_bias)
        self.norm2 = nn.LayerNorm(channels)
        self.mlp = _Perceptron(channels, int(channels * expansion))

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, X, Y, Z, C) -> the same shape."""
        tokens = tokens + self._dropped(self._attend(self.norm1(tokens)))
        return tokens + self._dropped(self.mlp(self.norm2(tokens)))

    def _attend(self, tokens: Tensor) -> Tensor:
        sizes = tokens.shape[1:4]
        padding = [0, 0]
        for size, window in zip(reversed(sizes), reversed(self.window), strict=True):
            padding += [0, -size % window]
        padded = functional.pad(tokens, padding)
        padded_sizes = padded.shape[1:4]
        rolls = any(self.shift)
        if rolls:
            padded = padded.roll([-step for step in self.shift], dims=(1, 2, 3))
        mask = _roll_mask(padded_sizes, self.window, self.shift, tokens.device) if rolls else None
        attended = _join(self.attn(_split(padded, self.window), mask), self.window, padded_sizes)
        if rolls:
            attended = attended.roll(self.shift, dims=(1, 2, 3))
        return attended[:, : sizes[0], : sizes[1], : sizes[2]]

    def _dropped(self, branch: Tensor) -> Tensor:
        if not self.training or self.drop_path == 0.0:
            return branch
        kept = torch.rand(branch.shape[0], 1, 1, 1, 1, device=branch.device) >= self.drop_path
        return branch * kept / (1.0 - self.drop_path)


def _split(tokens: Tensor, window: Sequence[int]) -> Tensor:
    """(B, X, Y, Z, C) -> (B * windows, window volume, C)."""
    batch, x, y, z, channels = tokens.shape
    a, b, c = window
    grid = tokens.reshape(batch, x // a, a, y // b, b, z // c, c, channels)
    return grid.permute(0, 1, 3, 5, 2, 4, 6, 7).reshape(-1, a * b * c, channels)


def _join(windows: Tensor, window: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """The inverse of ``_split``."""
    x, y, z = sizes
    a, b, c = window
    grid = windows.reshape(-1, x // a, y // b, z // c, a, b, c, windows.shape[-1])
    return grid.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(-1, x, y, z, windows.shape[-1])


def _roll_mask(sizes: Sequence[int], window: Sequence[int], shift: Sequence[int], device: torch.device) -> Tensor:
    """(windows, N, N): 0 where two tokens were neighbours before the roll, -100 elsewhere."""
    regions = torch.zeros(1, *sizes, 1, device=device)
    cuts = [
        (slice(0, -side), slice(-side, -step), slice(-step, None)) for side, step in zip(window, shift, strict=True)
    ]
    for number, (x, y, z) in enumerate(itertools.product(*cuts)):
        regions[:, x, y, z] = number
    members = _split(regions, window).squeeze(-1)
    return torch.where(members[:, None, :] == members[:, :, None], 0.0, _FORBIDDEN)
