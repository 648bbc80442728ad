"""The ``triton`` backend: own kernels for GPUs, forward and backward, differentiable, no CUDA extension needed.

No tensor of (batch, channels, length, state) exists at any time: backward visits windows of tokens, and the channels'
shares of the gradients of B and C are summed window by window, always in the same order.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
from torch.autograd.function import once_differentiable

from mambamed.scan.inputs import ScanInputs
from mambamed.scan.triton_kernels import backward_kernel
from mambamed.scan.triton_kernels import forward_kernel

__all__ = ["scan"]

_TILE = 2048
_WINDOW_BYTES = 2**27
"""Bound of the buffers for the channels' shares of the gradients of B and C."""


def scan(inputs: ScanInputs) -> tuple[torch.Tensor, torch.Tensor]:
    """Scan GPU tensors of float32 or float64; see :func:`mambamed.scan.selective_scan`.

    Returns:
        ``y`` (batch, channels, length) and the last state (batch, channels, state), which carries no gradient.
    """
    tensors = [None if tensor is None else tensor.contiguous() for tensor in inputs.tensors()]
    differentiable = torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors)
    return _TritonScan.apply(inputs.delta_softplus, differentiable, *tensors)


class _Launch:
    """Sizes and compile-time choices of one scan."""

    def __init__(self, softplus: bool, tensors: Any) -> None:
        u, _, A, B, C, D, z, delta_bias = tensors
        self.batch, self.channels, self.length = u.shape
        self.state = A.shape[1]
        self.padded = triton.next_power_of_2(self.state)
        self.tokens = max(16, min(128, _TILE // self.padded))
        self.blocks = triton.cdiv(self.length, self.tokens)
        self.grid = (self.batch * self.channels,)
        self.groups = [1 if weights.dim() == 2 else weights.shape[1] for weights in (B, C)]
        self.choices = {
            "HAS_D": D is not None,
            "HAS_Z": z is not None,
            "HAS_BIAS": delta_bias is not None,
            "SOFTPLUS": softplus,
            "B_CONSTANT": B.dim() == 2,
            "C_CONSTANT": C.dim() == 2,
            "PADDED": self.padded,
            "TOKENS": self.tokens,
        }

    @property
    def sizes(self) -> tuple[int, ...]:
        """Size arguments that both kernels take, in order."""
        return (self.channels, self.length, self.state, self.blocks, *self.groups)


class _TritonScan(torch.autograd.Function):
    """Forward and backward over the kernels."""

    @staticmethod
    def forward(context: Any, softplus: bool, keep: bool, *tensors: Any) -> tuple[torch.Tensor, torch.Tensor]:
        u = tensors[0]
        launch = _Launch(softplus, tensors)
        y = torch.empty_like(u)
        last_state = u.new_empty(launch.batch, launch.channels, launch.state)
        checkpoints = u.new_empty(launch.batch, launch.channels, launch.blocks if keep else 0, launch.state)
        with _on_device(u):
            forward_kernel[launch.grid](
                *_given(tensors), y, checkpoints, last_state, *launch.sizes, KEEP=keep, **launch.choices
            )
        context.launch = launch
        context.save_for_backward(checkpoints, *tensors)
        context.mark_non_differentiable(last_state)
        return y, last_state

    @staticmethod
    @once_differentiable
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        checkpoints, *tensors = context.saved_tensors
        u, delta, A, B, C, D, z, delta_bias = tensors
        launch: _Launch = context.launch
        grad_u, grad_delta = torch.empty_like(u), torch.empty_like(delta)
        grad_z = torch.empty_like(z) if z is not None else None
        grad_b, grad_c = torch.empty_like(B), torch.empty_like(C)
        sums = u.new_zeros(launch.batch, launch.channels, 3 * launch.padded + 2, dtype=torch.float64)
        adjoints = u.new_zeros(launch.batch, launch.channels, launch.padded)
        token_bytes = 2 * launch.batch * launch.channels * launch.state * u.element_size()
        window_blocks = max(1, min(launch.blocks, _WINDOW_BYTES // (token_bytes * launch.tokens)))
        window = window_blocks * launch.tokens
        partials = [
            u.new_empty(launch.batch, launch.channels, launch.state, window if weights.dim() == 4 else 0)
            for weights in (B, C)
        ]
        upstream = gradients[0].contiguous()
        for first_block in range((launch.blocks - 1) // window_blocks * window_blocks, -1, -window_blocks):
            last_block = min(first_block + window_blocks, launch.blocks)
            with _on_device(u):
                backward_kernel[launch.grid](
                    *_given(tensors),
                    *(checkpoints, upstream, adjoints, grad_u, grad_delta, grad_z if grad_z is not None else grad_u),
                    *(sums, *partials, *launch.sizes, first_block, last_block, window),
                    **launch.choices,
                )
            first = first_block * launch.tokens
            count = min(launch.length - first, (last_block - first_block) * launch.tokens)
            for partial, target in zip(partials, (grad_b, grad_c), strict=True):
                if target.dim() == 4:
                    shares = partial[..., :count].unflatten(1, (target.shape[1], -1))
                    target[..., first : first + count] = shares.sum(2)
        constants = sums.sum(0)
        per_state = constants[:, : 3 * launch.padded].unflatten(1, (3, launch.padded))[:, :, : launch.state]
        return (
            None,
            None,
            grad_u,
            grad_delta,
            per_state[:, 0].to(A.dtype),
            per_state[:, 1].to(B.dtype) if B.dim() == 2 else grad_b,
            per_state[:, 2].to(C.dtype) if C.dim() == 2 else grad_c,
            constants[:, 3 * launch.padded].to(u.dtype) if D is not None else None,
            grad_z,
            constants[:, 3 * launch.padded + 1].to(u.dtype) if delta_bias is not None else None,
        )


def _given(tensors: Any) -> list[torch.Tensor]:
    """The kernels' tensor arguments; an absent one is filled by ``u``, which the kernel then does not read."""
    return [tensors[0] if tensor is None else tensor for tensor in tensors]


def _on_device(tensor: torch.Tensor) -> Any:
    """Triton launches on the current device; make it the tensors' own."""
    return torch.cuda.device_of(tensor)
