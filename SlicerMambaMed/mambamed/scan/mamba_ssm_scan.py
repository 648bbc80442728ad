"""The ``mamba_ssm`` backend: the CUDA kernel of the authors' package, where that package can be imported."""

from __future__ import annotations

import math

import torch

from mambamed.scan.inputs import ScanInputs

__all__ = ["scan"]


def scan(inputs: ScanInputs) -> tuple[torch.Tensor, torch.Tensor]:
    """Call ``mamba_ssm.ops.selective_scan_interface.selective_scan_fn`` in the way that its kernel allows.

    The kernel computes in float32, wants contiguous tensors, and takes B and C either constant or with the same number
    of groups. Where they differ, channels are handed over in sections that each read one group of both.

    Returns:
        ``y`` (batch, channels, length) and the last state (batch, channels, state).
    """
    groups = [weights.shape[1] for weights in (inputs.B, inputs.C) if weights.dim() == 4]
    mixed = len(groups) == 1 and groups[0] > 1
    if not mixed and len(set(groups)) <= 1:
        return _call(inputs, slice(None), inputs.B, inputs.C)
    sections = math.lcm(*groups)
    width = inputs.channels // sections
    parts = []
    for section in range(sections):
        channels = slice(section * width, (section + 1) * width)
        b, c = (_of_section(weights, channels, section, sections) for weights in (inputs.B, inputs.C))
        parts.append(_call(inputs, channels, b, c))
    return torch.cat([y for y, _ in parts], dim=1), torch.cat([state for _, state in parts], dim=1)


def _of_section(weights: torch.Tensor, channels: slice, section: int, sections: int) -> torch.Tensor:
    """B or C as the channels of one section read it."""
    if weights.dim() == 2:
        return weights[channels]
    group = section * weights.shape[1] // sections
    return weights[:, group : group + 1]


def _call(inputs: ScanInputs, channels: slice, B: torch.Tensor, C: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Run the package's operator on some channels."""
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    def of_token(tensor: torch.Tensor | None) -> torch.Tensor | None:
        return None if tensor is None else tensor[:, channels].contiguous()

    def of_channel(tensor: torch.Tensor | None) -> torch.Tensor | None:
        return None if tensor is None else tensor[channels].contiguous()

    return selective_scan_fn(
        of_token(inputs.u),
        of_token(inputs.delta),
        of_channel(inputs.A),
        B.contiguous(),
        C.contiguous(),
        D=of_channel(inputs.D),
        z=of_token(inputs.z),
        delta_bias=of_channel(inputs.delta_bias),
        delta_softplus=inputs.delta_softplus,
        return_last_state=True,
    )
