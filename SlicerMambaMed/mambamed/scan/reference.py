"""The selective scan as a plain sequential loop: slow, and the truth in tests (float64 capable)."""

from __future__ import annotations

import torch
from torch.nn import functional

from mambamed.scan.inputs import ScanInputs

__all__ = ["scan"]


def scan(inputs: ScanInputs) -> tuple[torch.Tensor, torch.Tensor]:
    """Run the recurrence token by token, as it is written in the paper (U-Mamba section 2.1, equations of S6).

    For each token: ``state = exp(delta * A) * state + delta * B * u``, ``y = C . state + D * u``, and ``y`` is
    multiplied by ``silu(z)`` where a gate is given. ``delta`` gets its bias first, then softplus. Differentiable by
    ordinary autograd, which keeps every step.

    Returns:
        ``y`` (batch, channels, length) and the state after the last token (batch, channels, state).
    """
    delta = inputs.delta
    if inputs.delta_bias is not None:
        delta = delta + inputs.delta_bias[:, None]
    if inputs.delta_softplus:
        delta = functional.softplus(delta)
    state = inputs.u.new_zeros(inputs.batch, inputs.channels, inputs.state)
    outputs = []
    for token in range(inputs.length):
        step = delta[:, :, token, None]
        drive = step * _at_token(inputs.B, token, inputs.channels) * inputs.u[:, :, token, None]
        state = torch.exp(step * inputs.A) * state + drive
        outputs.append((_at_token(inputs.C, token, inputs.channels) * state).sum(-1))
    y = torch.stack(outputs, dim=-1)
    if inputs.D is not None:
        y = y + inputs.D[:, None] * inputs.u
    if inputs.z is not None:
        y = y * functional.silu(inputs.z)
    return y, state


def _at_token(parameter: torch.Tensor, token: int, channels: int) -> torch.Tensor:
    """B or C of one token, broadcastable to (batch, channels, state)."""
    if parameter.dim() == 2:
        return parameter
    here = parameter[:, :, :, token]
    return here if here.shape[1] == 1 else here.repeat_interleave(channels // here.shape[1], dim=1)
