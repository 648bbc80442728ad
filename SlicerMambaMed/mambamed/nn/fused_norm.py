"""Instance norm with leaky ReLU in one pass over channels-last memory, for inference on the CPU.

PyTorch's instance norm copies a channels-last image to another layout and back; its batch norm keeps the layout but
adds up float32 numbers in one long chain, which costs up to four digits. This one keeps the layout and the digits.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
import torch
from numba.core import types
from torch import Tensor
from torch import nn
from torch.nn import functional as F

from mambamed.nn import norm_loops
from mambamed.scan.compiled_cache import compiled_cache_folder
from mambamed.scan.numba_compiler import numba_cache_in
from mambamed.scan.thread_pool import run_tasks

__all__ = ["FusedInstanceNorm", "fuse_instance_norms"]

_LOCK = threading.Lock()
_READY: dict[torch.dtype, _Loops] = {}
_TASKS_PER_THREAD = 4


@dataclass(frozen=True)
class _Loops:
    sums: Callable[..., None]
    normalise: Callable[..., None]


def _loops(dtype: torch.dtype) -> _Loops:
    """Compiled loops for a number format, compiled once per processor and user, then read from the cache."""
    with _LOCK:
        if dtype not in _READY:
            is_half = dtype == torch.bfloat16
            rows = types.Array(types.uint16 if is_half else types.float32, 2, "C")
            values = types.Array(types.float32, 1, "C")
            totals = types.Array(types.float64, 1, "C")
            number = types.int64
            sums = norm_loops.sum_bfloat16 if is_half else norm_loops.sum_float32
            normalise = norm_loops.normalise_bfloat16 if is_half else norm_loops.normalise_float32
            folder = compiled_cache_folder("numba-norm", (Path(str(norm_loops.__file__)),))
            with numba_cache_in(folder):
                options: dict[str, Any] = {
                    "nogil": True,
                    "cache": folder is not None,
                    "error_model": "numpy",
                    "boundscheck": False,
                }
                _READY[dtype] = _Loops(
                    numba.njit([types.void(rows, number, number, values, totals, totals)], **options)(sums),
                    numba.njit(
                        [types.void(rows, number, number, values, values, values, types.float32, rows)], **options
                    )(normalise),
                )
        return _READY[dtype]


class FusedInstanceNorm(nn.Module):
    """Instance norm, then leaky ReLU; equal to ``torch.nn.InstanceNorm`` and ``LeakyReLU`` one after the other.

    Args:
        norm: The norm whose parameters are used (no running statistics).
        negative_slope: Slope of the leaky ReLU; 1 means none.
        inplace: Whether the input's memory may be overwritten.
    """

    def __init__(self, norm: nn.InstanceNorm2d | nn.InstanceNorm3d, negative_slope: float, inplace: bool) -> None:
        super().__init__()
        self.weight = norm.weight
        self.bias = norm.bias
        self.eps = norm.eps
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, image: Tensor) -> Tensor:
        """Normalise each channel of each sample of (batch, channels, [depth,] height, width)."""
        layout = torch.channels_last if image.dim() == 4 else torch.channels_last_3d
        if not self._can_fuse(image):
            weight = None if self.weight is None else self.weight.to(torch.float32)
            bias = None if self.bias is None else self.bias.to(torch.float32)
            normal = F.instance_norm(image.float(), weight=weight, bias=bias, eps=self.eps).to(image.dtype)
            return normal if self.negative_slope == 1.0 else F.leaky_relu(normal, self.negative_slope)
        if image.is_contiguous(memory_format=layout):
            result = image if self.inplace else torch.empty_like(image, memory_format=layout)
        else:
            # A convolution of one channel cannot tell the layouts apart and answers in the other one.
            image = result = image.contiguous(memory_format=layout)
        for sample, target in zip(image.split(1), result.split(1), strict=True):
            self._normalise(sample, target)
        return result

    @staticmethod
    def _can_fuse(image: Tensor) -> bool:
        return (
            image.device.type == "cpu"
            and image.dtype in (torch.float32, torch.bfloat16)
            and not (torch.is_grad_enabled() and image.requires_grad)
        )

    def _normalise(self, sample: Tensor, target: Tensor) -> None:
        rows, result = _rows(sample), _rows(target)
        loops = _loops(sample.dtype)
        voxels, channels = rows.shape
        count = max(1, min(voxels // 64, _TASKS_PER_THREAD * torch.get_num_threads()))
        edges = [voxels * part // count for part in range(count + 1)]
        parts = list(itertools.pairwise(edges))
        # A copy: the first voxel may be overwritten while others still need it.
        shift = np.array(sample.flatten(2)[0, :, 0].float().numpy(), order="C")
        total, squares = np.zeros((2, count, channels))
        run_tasks(
            loops.sums,
            [(rows, start, stop, shift, total[part], squares[part]) for part, (start, stop) in enumerate(parts)],
            voxels * channels,
        )
        mean = total.sum(axis=0) / voxels
        variance = np.maximum(squares.sum(axis=0) / voxels - mean**2, 0.0)
        scale = 1.0 / np.sqrt(variance + self.eps)
        if self.weight is not None:
            scale = scale * self.weight.detach().double().numpy()
        offset = -mean * scale
        if self.bias is not None:
            offset = offset + self.bias.detach().double().numpy()
        constants = (shift, scale.astype(np.float32), offset.astype(np.float32), np.float32(self.negative_slope))
        run_tasks(
            loops.normalise,
            [(rows, start, stop, *constants, result) for start, stop in parts],
            voxels * channels,
        )


def _rows(sample: Tensor) -> np.ndarray:
    """View one channels-last sample as (voxels, channels); bfloat16 as its bits."""
    rows = sample.movedim(1, -1).reshape(-1, sample.shape[1])
    array: np.ndarray = (rows.view(torch.uint16) if rows.dtype == torch.bfloat16 else rows).numpy()
    return array


def fuse_instance_norms(network: nn.Module) -> nn.Module:
    """Replace the instance norms of a network (in place), with the leaky ReLU after them where one follows directly.

    Only plain affine norms without running statistics are replaced. Where a convolution comes directly before, its
    output is overwritten. For inference: the state dict of the network changes its names.

    Args:
        network: Network in eval mode.

    Returns:
        The same network.
    """
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            _fuse_sequence(module)
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if _is_plain_norm(child):
                setattr(module, name, FusedInstanceNorm(child, 1.0, inplace=False))  # type: ignore[arg-type]
    return network


def _is_plain_norm(module: nn.Module) -> bool:
    return isinstance(module, (nn.InstanceNorm2d, nn.InstanceNorm3d)) and not module.track_running_stats


def _fuse_sequence(sequence: nn.Sequential) -> None:
    children = list(sequence)
    for index, child in enumerate(children):
        if not _is_plain_norm(child):
            continue
        follower = children[index + 1] if index + 1 < len(children) else None
        follows_convolution = index > 0 and isinstance(
            children[index - 1], (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
        )
        slope = float(follower.negative_slope) if isinstance(follower, nn.LeakyReLU) else 1.0
        sequence[index] = FusedInstanceNorm(child, slope, inplace=follows_convolution)  # type: ignore[arg-type]
        if isinstance(follower, nn.LeakyReLU):
            sequence[index + 1] = nn.Identity()
