"""Convolutions of tiny volumes in float32, since PyTorch 2.13 on CPUs spoils their gradients in bfloat16.

The gradient of the weights of a 3 x 3 x 3 convolution with padding is made with uninitialised memory where the first
axis has two voxels (or one, with stride 2; in two dimensions one pixel, with stride 2): compared with float32, all
sizes from 1 to 8 were tried. It is right in float32, which costs nothing on volumes that small.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch import nn

__all__ = ["keep_small_convolutions_exact"]

_SMALL = 2


def keep_small_convolutions_exact(network: nn.Module) -> None:
    """Let every convolution of ``network`` leave autocast on a CPU where an axis has at most two voxels.

    Its result is float32 there. Weights and their names stay as they are.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            module.forward = partial(_forward, module)  # type: ignore[method-assign]


def _forward(convolution: nn.Conv2d | nn.Conv3d, x: Tensor) -> Tensor:
    run: Callable[..., Tensor] = type(convolution).forward
    if x.device.type != "cpu" or min(x.shape[2:]) > _SMALL or not torch.is_autocast_enabled("cpu"):
        return run(convolution, x)
    with torch.autocast("cpu", enabled=False):
        return run(convolution, x.to(convolution.weight.dtype))
