"""Visual state-space block for volumes (VMamba, Liu et al. 2024; in 3D: VMambaMorph, Wang et al. 2024, section 2.1)."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from mambamed.nn.mamba import DELTA_FLOOR
from mambamed.nn.volume_scan import AXIS_ORDERS
from mambamed.nn.volume_scan import gather_directions
from mambamed.nn.volume_scan import merge_directions
from mambamed.nn.volume_scan import merge_directions_as_published
from mambamed.scan import selective_scan

__all__ = ["CrossScan3d", "Merging", "VisualStateSpaceBlock"]

Merging = Literal["exact", "as_published"]


class CrossScan3d(nn.Module):
    """Gated selective scans through a volume in four or six directions, added up.

    Names and shapes of the parameters are those of VMambaMorph's public code; those of the scans are stacked by
    direction.

    Args:
        channels: Channels in and out.
        state_size: State size N per inner channel.
        expansion: Inner channels per channel.
        directions: 4 (axis 2 always the fastest, as published) or 6 (each axis is the fastest once).
        merging: "exact" puts every sequence back in place; "as_published" repeats the wrong reshape of the public code
            and needs 4 directions and cubic volumes.
        scan_backend: Backend of the selective scan, "auto" or one of ``mambamed.scan.backends()``.
    """

    def __init__(
        self,
        channels: int,
        state_size: int = 16,
        expansion: int = 2,
        directions: int = 6,
        merging: Merging = "exact",
        scan_backend: str = "auto",
    ) -> None:
        super().__init__()
        if directions not in AXIS_ORDERS or (merging == "as_published" and directions != 4):
            raise ValueError(
                f"{directions} directions with merging {merging!r} do not exist: 4 or 6, as_published only 4."
            )
        inner = expansion * channels
        self.state_size = state_size
        self.rank = math.ceil(channels / 16)
        self.directions = directions
        self.merging = merging
        self.scan_backend = scan_backend

        self.in_proj = nn.Linear(channels, 2 * inner, bias=False)
        self.conv3d = nn.Conv3d(inner, inner, kernel_size=3, padding=1, groups=inner)
        self.x_proj_weight = nn.Parameter(torch.empty(directions, self.rank + 2 * state_size, inner))
        self.dt_projs_weight = nn.Parameter(torch.empty(directions, inner, self.rank))
        self.dt_projs_bias = nn.Parameter(torch.empty(directions, inner))
        self.A_logs = nn.Parameter(torch.empty(directions * inner, state_size))
        self.Ds = nn.Parameter(torch.ones(directions * inner))
        self.out_norm = nn.LayerNorm(inner)
        self.out_proj = nn.Linear(inner, channels, bias=False)
        self._initialise()

    @torch.no_grad()
    def _initialise(self, smallest_step: float = 1e-3, largest_step: float = 1e-1) -> None:
        """Each direction as a Mamba block: A = -1..-N, steps log-uniform, projections as linear layers."""
        bound = self.x_proj_weight.shape[2] ** -0.5
        nn.init.uniform_(self.x_proj_weight, -bound, bound)
        nn.init.uniform_(self.dt_projs_weight, -(self.rank**-0.5), self.rank**-0.5)
        steps = torch.empty_like(self.dt_projs_bias).uniform_(math.log(smallest_step), math.log(largest_step))
        steps = steps.exp().clamp_min(DELTA_FLOOR)
        self.dt_projs_bias.copy_(steps + torch.log(-torch.expm1(-steps)))  # inverse of softplus
        self.A_logs.copy_(torch.arange(1, self.state_size + 1, dtype=torch.float32).log().expand_as(self.A_logs))

    def forward(self, x: Tensor) -> Tensor:
        """Mix a volume of tokens, channels last: (B, X, Y, Z, C) -> the same shape."""
        signal, gate = self.in_proj(x).chunk(2, dim=-1)
        # The recurrence overflows in half precision: the scan runs in the precision of its parameters. So does the
        # convolution before it: on CPUs PyTorch 2.13 reads uninitialised memory into the bfloat16 gradient of depthwise
        # weights on tiny volumes (2 x 2 x 2).
        with torch.autocast(device_type=x.device.type, enabled=False):
            convolved = self.conv3d(signal.movedim(-1, 1).to(self.A_logs.dtype))
            scanned = self._scan(F.silu(convolved))
        mixed = self.out_norm(scanned.movedim(1, -1).to(gate.dtype)) * F.silu(gate)
        return self.out_proj(mixed)

    def _scan(self, signal: Tensor) -> Tensor:
        orders = AXIS_ORDERS[self.directions]
        shape = signal.shape[2:]
        sequences = gather_directions(signal, orders)
        projected = torch.einsum("bkcl,kdc->bkdl", sequences, self.x_proj_weight)
        steps, matrix_b, matrix_c = projected.split([self.rank, self.state_size, self.state_size], dim=2)
        delta = torch.einsum("bkrl,kcr->bkcl", steps, self.dt_projs_weight)
        result = selective_scan(
            sequences.flatten(1, 2),
            delta.flatten(1, 2),
            -torch.exp(self.A_logs),
            matrix_b.contiguous(),
            matrix_c.contiguous(),
            D=self.Ds,
            delta_bias=self.dt_projs_bias.flatten(),
            delta_softplus=True,
            backend=self.scan_backend,
        )
        result = result.unflatten(1, (self.directions, -1))
        if self.merging == "exact":
            return merge_directions(result, orders, shape)
        return merge_directions_as_published(result, shape)


class VisualStateSpaceBlock(nn.Module):
    """x + CrossScan3d(LayerNorm(x)), on volumes of tokens with channels last (B, X, Y, Z, C)."""

    def __init__(
        self,
        channels: int,
        state_size: int = 16,
        expansion: int = 2,
        directions: int = 6,
        merging: Merging = "exact",
        scan_backend: str = "auto",
    ) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(channels)
        self.self_attention = CrossScan3d(channels, state_size, expansion, directions, merging, scan_backend)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, same shape."""
        return x + self.self_attention(self.ln_1(x))
