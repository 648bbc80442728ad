"""Where a DISA training begins: blind to the sign and the offset of intensities.

LC2 does not change when an image is negated or shifted. A network with arbitrary first weights needs thousands of steps
to find that out; this one begins there. The first layer holds differences along four directions, each with its
negative, and the next mixing layer treats both alike, so that only magnitudes go on.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch import nn

from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.training.positions import gather_features

__all__ = ["scale_last_layer", "set_first_weights"]

_DIRECTIONS = ((1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1))
_RESIDUAL_GAIN = 0.2


@torch.no_grad()
def set_first_weights(network: DISANet, seed: int) -> None:
    """Draw all weights."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, a=0.01, nonlinearity="leaky_relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    # The second convolution of every residual unit changes little at first.
    for index in (1, 4, 7):
        network.get_submodule(f"layers.{index}.layers.1.0").get_parameter("weight").mul_(_RESIDUAL_GAIN)
    first = network.get_submodule("layers.0.0").get_parameter("weight")
    for index, direction in enumerate(_DIRECTIONS):
        kernel = torch.from_numpy(_difference(direction))
        first[2 * index, 0], first[2 * index + 1, 0] = kernel, -kernel
    for name in ("layers.1.layers.0.0", "layers.2.0"):
        mixing = network.get_submodule(name).get_parameter("weight")
        paired = 0.5 * (mixing[:, 0::2] + mixing[:, 1::2])
        mixing.copy_(paired.repeat_interleave(2, dim=1) * 2.0**0.5)


@torch.no_grad()
def scale_last_layer(network: DISANet, volumes: Tensor, positions: NDArray[np.int64]) -> None:
    """Make half of the descriptors at some positions (B, N) of volumes (B, 1, S, S, S) longer than 1.

    The longer ones are clipped: their length does not tell the contrast.
    """
    lengths = gather_features(network(volumes), positions).norm(dim=1)
    network.layers[-1].get_parameter("weight").div_(lengths.median().clamp_min(1e-9))


def _difference(direction: tuple[int, int, int]) -> NDArray[np.float32]:
    """A smooth derivative of 3 x 3 x 3 samples along a direction; its response to noise has variance 1."""
    kernel = np.zeros((3, 3, 3))
    for offset in itertools.product((-1, 0, 1), repeat=3):
        along = float(np.dot(offset, direction))
        kernel[tuple(index + 1 for index in offset)] = along * np.exp(-0.5 * float(np.dot(offset, offset)))
    return np.asarray(2.0**0.5 * kernel / np.linalg.norm(kernel), np.float32)
