"""A copy of a network made ready for fast inference: memory layout, number format of the convolutions, safe norms.

Convolutions run in the chosen format in channels-last order; parameters of norms, linear layers and the selective scan
stay in float32. Instance norms add up in float64 whatever they read.
"""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import torch
from torch import Tensor
from torch import nn

from mambamed.nn.fused_norm import FusedInstanceNorm
from mambamed.nn.fused_norm import fuse_instance_norms
from mambamed.nn.mamba import Mamba
from mambamed.nn.precision import Precision
from mambamed.segmentation.networks import load_network_weights
from mambamed.segmentation.networks.blocks import BasicResBlock
from mambamed.segmentation.networks.blocks import MambaLayer

__all__ = ["InferenceNetwork", "make_inference_network"]

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_HEADS = "seg_layers"
"""Name of the last layers in nnU-Net's and U-Mamba's decoders."""


class InferenceNetwork:
    """Calls a prepared network on a batch of windows.

    Args:
        network: Network in eval mode; it is used as it is.
        device: Where it lies.
        precision: Number format of the convolutions and memory layout.
        dimension: 2 or 3.
    """

    def __init__(self, network: nn.Module, device: torch.device, precision: Precision, dimension: int) -> None:
        self.network = network
        self.device = device
        self.precision = precision
        self.memory_format = precision.memory_format(dimension)

    @torch.inference_mode()
    def __call__(self, windows: Tensor) -> Tensor:
        """Compute logits of windows (batch, channels, [z,] y, x); the result is (batch, classes, ...) in float32."""
        windows = windows.to(self.device, memory_format=self.memory_format)
        # On CUDA autocast converts, with kernels of its own; elsewhere the convolutions were converted beforehand.
        converts = _is_autocast(self.network, self.device)
        autocast = self.precision.autocast(self.device) if converts else contextlib.nullcontext()
        with autocast:
            logits = self.network(windows)
        if isinstance(logits, (list, tuple)):
            logits = logits[0]
        return logits.float()


def make_inference_network(
    network: nn.Module,
    state: dict[str, Tensor] | None,
    device: torch.device,
    precision: Precision,
    dimension: int,
    scan_backend: str = "auto",
) -> InferenceNetwork:
    """Copy a network, load weights into the copy and make it fast on a device.

    Args:
        network: Network as built from the plans (float32); it stays unchanged.
        state: Weights to load into the copy; None keeps those that the network has.
        device: Device to compute on.
        precision: Number format of the convolutions and memory layout.
        dimension: 2 or 3.
        scan_backend: Backend of the selective scan in Mamba layers.

    Returns:
        The prepared copy, to be called with windows.
    """
    fast = copy.deepcopy(network)
    if state is not None:
        load_network_weights(fast, state)
    fast = fast.eval().requires_grad_(False).to(device)
    if device.type == "cpu" and not _is_autocast(fast, device):
        _fuse_residual_blocks(fast)
        fuse_instance_norms(fast)
    dtype = torch.float32 if _is_autocast(fast, device) else precision.dtype
    image_channels = 0
    for name, module in fast.named_modules():
        if isinstance(module, Mamba):
            module.scan_backend = scan_backend
        if isinstance(module, _CONVOLUTIONS):
            # The layers that read the image and that make the logits stay in float32: rounded to bfloat16, fine
            # contrasts of the image would be lost, and close logits would become equal.
            image_channels = image_channels or module.in_channels
            is_edge = _HEADS in name or module.in_channels == image_channels
            module.to(dtype=torch.float32 if is_edge else dtype)
            weight = module.weight
            weight.data = weight.data.contiguous(memory_format=precision.memory_format(dimension))
    if dtype != torch.float32:
        _cast_inputs_to_parameters(fast, dtype)
    return InferenceNetwork(fast, device, precision, dimension)


def _is_autocast(network: nn.Module, device: torch.device) -> bool:
    """Whether PyTorch converts during the computation: on CUDA always, elsewhere for networks with transformers."""
    return device.type == "cuda" or bool(getattr(network, "needs_autocast", False))


def _fuse_residual_blocks(network: nn.Module) -> None:
    """Fuse norms and activations of U-Mamba's residual blocks, which are attributes rather than a sequence."""
    for module in network.modules():
        if isinstance(module, BasicResBlock):
            slope = float(module.act1.negative_slope)
            module.norm1 = FusedInstanceNorm(module.norm1, slope, inplace=True)  # type: ignore[assignment]
            module.act1 = nn.Identity()  # type: ignore[assignment]
            module.norm2 = FusedInstanceNorm(module.norm2, 1.0, inplace=True)  # type: ignore[assignment]


def _cast_inputs_to_parameters(network: nn.Module, dtype: torch.dtype) -> None:
    """Let every convolution take its input in its own format, and return float32 islands (Mamba) to that format."""

    def cast_input(module: nn.Module, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        weight = module.weight
        assert isinstance(weight, Tensor)
        return (arguments[0].to(weight.dtype), *arguments[1:])

    def cast_output(_: nn.Module, __: tuple[Any, ...], output: Tensor) -> Tensor:
        return output.to(dtype)

    for module in network.modules():
        if isinstance(module, _CONVOLUTIONS):
            module.register_forward_pre_hook(cast_input)
        elif isinstance(module, MambaLayer):
            module.register_forward_hook(cast_output)
