"""The Mamba block: a gated selective state-space layer over a sequence of tokens."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from mambamed.scan import selective_scan

__all__ = ["Mamba"]

DELTA_FLOOR = 1e-4


class Mamba(nn.Module):
    """Selective state-space block of Gu and Dao, "Mamba", 2023, section 3.4.

    The sequence is projected to a signal and a gate; the signal passes a short causal depthwise convolution and SiLU,
    drives the selective scan with step sizes and matrices B and C that it determines itself, is multiplied by the
    SiLU of the gate and projected back. Names and shapes of the parameters are those of the ``mamba_ssm`` package, so
    that weights can be exchanged.

    Args:
        d_model: Width of a token (channels in and out).
        d_state: State size per inner channel.
        d_conv: Taps of the causal depthwise convolution.
        expand: Inner channels per model channel.
        dt_rank: Rank of the step-size projection; ``"auto"`` is ``ceil(d_model / 16)``.
        dt_min: Smallest initial step size.
        dt_max: Largest initial step size.
        conv_bias: Whether the convolution has a bias.
        bias: Whether the input and output projections have biases.
        scan_backend: Backend of the selective scan, ``"auto"`` or one of ``mambamed.scan.backends()``.

    Example:
        >>> Mamba(d_model=8)(torch.zeros(2, 5, 8)).shape
        torch.Size([2, 5, 8])
    """

    def __init__(
        self,
        d_model: int,
        d_state: int = 16,
        d_conv: int = 4,
        expand: int = 2,
        dt_rank: int | str = "auto",
        dt_min: float = 1e-3,
        dt_max: float = 1e-1,
        conv_bias: bool = True,
        bias: bool = False,
        scan_backend: str = "auto",
    ) -> None:
        super().__init__()
        self.d_model = d_model
        self.d_state = d_state
        self.d_conv = d_conv
        self.expand = expand
        self.d_inner = int(expand * d_model)
        self.dt_rank = math.ceil(d_model / 16) if isinstance(dt_rank, str) else dt_rank
        self.scan_backend = scan_backend

        self.in_proj = nn.Linear(d_model, 2 * self.d_inner, bias=bias)
        self.conv1d = nn.Conv1d(
            self.d_inner, self.d_inner, kernel_size=d_conv, groups=self.d_inner, padding=d_conv - 1, bias=conv_bias
        )
        self.x_proj = nn.Linear(self.d_inner, self.dt_rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(self.dt_rank, self.d_inner, bias=True)
        self.A_log = nn.Parameter(torch.empty(self.d_inner, d_state))
        self.D = nn.Parameter(torch.empty(self.d_inner))
        self.out_proj = nn.Linear(self.d_inner, d_model, bias=bias)
        self._initialise_state_space(dt_min, dt_max)

    @torch.no_grad()
    def _initialise_state_space(self, dt_min: float, dt_max: float) -> None:
        """Set A to the real diagonal -1..-N, D to one, and the step sizes log-uniform in [dt_min, dt_max]."""
        self.A_log.copy_(torch.arange(1, self.d_state + 1, dtype=torch.float32).log().expand(self.d_inner, -1))
        self.D.fill_(1.0)
        bound = self.dt_rank**-0.5
        nn.init.uniform_(self.dt_proj.weight, -bound, bound)
        log_step = torch.empty(self.d_inner).uniform_(math.log(dt_min), math.log(dt_max))
        step = log_step.exp().clamp_min(DELTA_FLOOR)
        self.dt_proj.bias.copy_(step + torch.log(-torch.expm1(-step)))  # inverse of softplus

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens (batch, length, d_model) to tokens of the same shape, looking only backwards along the length.

        The work is done channel-first, (batch, channels, length), which is the scan's own layout. Everything runs in
        the precision of the parameters with autocast off: the recurrence overflows in float16.
        """
        batch, _, _ = tokens.shape
        with torch.autocast(device_type=tokens.device.type, enabled=False):
            tokens = tokens.to(self.in_proj.weight.dtype)
            signal_and_gate = _project(self.in_proj, tokens.transpose(1, 2))
            signal, gate = signal_and_gate.chunk(2, dim=1)
            length = signal.shape[-1]
            signal = F.silu(self.conv1d(signal)[..., :length])

            step_and_matrices = _project(self.x_proj, signal)
            step, matrix_b, matrix_c = step_and_matrices.split([self.dt_rank, self.d_state, self.d_state], dim=1)
            delta = torch.matmul(self.dt_proj.weight.expand(batch, -1, -1), step)
            scanned = selective_scan(
                signal,
                delta,
                -torch.exp(self.A_log.float() if self.A_log.dtype.itemsize < 4 else self.A_log),
                matrix_b,
                matrix_c,
                D=self.D,
                z=gate,
                delta_bias=self.dt_proj.bias,
                delta_softplus=True,
                backend=self.scan_backend,
            )
            result: Tensor = self.out_proj(scanned.to(tokens.dtype).transpose(1, 2))
            return result


def _project(linear: nn.Linear, channels_first: Tensor) -> Tensor:
    """Apply a linear layer over axis 1 of (batch, channels, length), keeping that layout."""
    projected = torch.matmul(linear.weight, channels_first)
    return projected if linear.bias is None else projected + linear.bias[:, None]
