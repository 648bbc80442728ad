"""The ``torch`` backend: the selective scan in chunks of tokens with PyTorch alone, on any device, differentiable.

Only the states of one chunk exist at a time; for the backward pass each chunk keeps its first state and is computed
again. The chunk's length follows from the free memory.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from mambamed.scan.free_memory import free_memory_bytes
from mambamed.scan.inputs import ScanInputs
from mambamed.scan.linear_recurrence import linear_recurrence

__all__ = ["chunk_tokens", "scan"]

_SHARE_OF_FREE_MEMORY = 0.25
_STATE_TENSORS = 12
"""Tensors of (chunk, batch, channels, state) that live together while a chunk is differentiated, rounded up."""

_LARGEST_CHUNK_BYTES = {"cpu": 2**22}
_LARGEST_CHUNK_BYTES_ELSEWHERE = 2**28
"""A state tensor larger than this gains no speed: a processor's cache, or a graphics card's full occupation."""


def chunk_tokens(inputs: ScanInputs) -> int:
    """Tokens of one chunk: as many as a share of the free memory holds, at least one."""
    token_bytes = inputs.batch * inputs.channels * inputs.state * inputs.u.element_size()
    allowed = int(free_memory_bytes(inputs.device) * _SHARE_OF_FREE_MEMORY) // _STATE_TENSORS
    useful = _LARGEST_CHUNK_BYTES.get(inputs.device.type, _LARGEST_CHUNK_BYTES_ELSEWHERE)
    return max(1, min(inputs.length, min(allowed, useful) // token_bytes))


def scan(inputs: ScanInputs) -> tuple[torch.Tensor, torch.Tensor]:
    """Scan float32 or float64 tensors of any device; see :func:`mambamed.scan.selective_scan`.

    Returns:
        ``y`` (batch, channels, length) and the last state (batch, channels, state).
    """
    tokens = chunk_tokens(inputs)
    differentiable = torch.is_grad_enabled() and any(
        tensor is not None and tensor.requires_grad for tensor in inputs.tensors()
    )
    parts = [_split(tensor, tokens) for tensor in (inputs.u, inputs.delta, inputs.z, inputs.B, inputs.C)]
    state = inputs.u.new_zeros(inputs.batch, inputs.channels, inputs.state)
    outputs = []
    for number in range(-(-inputs.length // tokens)):
        u, delta, z, B, C = (part[number] if len(part) > 1 else part[0] for part in parts)
        arguments = (u, delta, inputs.A, B, C, inputs.D, z, inputs.delta_bias, inputs.delta_softplus, state)
        if differentiable:
            y, state = checkpoint(_scan_chunk, *arguments, use_reentrant=False, preserve_rng_state=False)
        else:
            y, state = _scan_chunk(*arguments)
        outputs.append(y)
    return torch.cat(outputs, dim=-1) if len(outputs) > 1 else outputs[0], state


def _split(tensor: torch.Tensor | None, tokens: int) -> tuple[Any, ...]:
    """Chunks along the tokens; what has no tokens (constant B or C, no gate) stays one part."""
    if tensor is None or tensor.dim() == 2:
        return (tensor,)
    return torch.split(tensor, tokens, dim=-1)


def _scan_chunk(
    u: torch.Tensor,
    delta: torch.Tensor,
    A: torch.Tensor,
    B: torch.Tensor,
    C: torch.Tensor,
    D: torch.Tensor | None,
    z: torch.Tensor | None,
    delta_bias: torch.Tensor | None,
    delta_softplus: bool,
    state: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """One chunk: its output and its last state. Inside, the token is the first axis."""
    channels = u.shape[1]
    if delta_bias is not None:
        delta = delta + delta_bias[:, None]
    if delta_softplus:
        delta = functional.softplus(delta)
    decay = torch.exp(delta.permute(2, 0, 1).unsqueeze(-1) * A)
    drive = (delta * u).permute(2, 0, 1).unsqueeze(-1) * _token_first(B, channels)
    states = linear_recurrence(decay, drive, state)
    y = (states * _token_first(C, channels)).sum(-1).permute(1, 2, 0)
    if D is not None:
        y = y + D[:, None] * u
    if z is not None:
        y = y * functional.silu(z)
    # A copy, or the last state would keep all states of the chunk alive.
    return y, states[-1].clone()


def _token_first(weights: torch.Tensor, channels: int) -> torch.Tensor:
    """B or C as (tokens, batch, channels or 1, state), or constant (channels, state)."""
    if weights.dim() == 2:
        return weights
    weights = weights.permute(3, 0, 1, 2)
    groups = weights.shape[2]
    return weights if groups == 1 else weights.repeat_interleave(channels // groups, dim=2)
