"""Arithmetic of a U-shaped network: operations and largest activations for one window; standard library only."""

from __future__ import annotations

import math

from mambamed.segmentation.networks.plan import NetworkPlan

__all__ = ["network_operations", "peak_activation_values", "weight_count"]


def _voxels_per_stage(plan: NetworkPlan, patch_size: tuple[int, ...] | None) -> list[float]:
    voxels = float(math.prod(patch_size or plan.patch_size))
    result = []
    for stride in plan.strides:
        voxels /= math.prod(stride)
        result.append(voxels)
    return result


def network_operations(plan: NetworkPlan, classes: int, channels: int, is_umamba: bool = False) -> float:
    """Count floating-point operations (two per multiply-add) of all convolutions for one window.

    Args:
        plan: Shape of the network.
        classes: Channels of the output.
        channels: Channels of the image.
        is_umamba: U-Mamba has a stem at full resolution, two convolutions per block, and upsamples without weights.

    Returns:
        Operations of one forward pass, norms and activations left out (they take little beside convolutions).
    """
    voxels = _voxels_per_stage(plan, None)
    features = plan.features_per_stage
    is_residual = is_umamba or "Residual" in plan.network_class_name
    per_block = 2 if is_residual else 1
    total = 0.0
    width = channels
    if is_residual:
        total += _convolution(voxels[0], channels, features[0], plan.kernel_sizes[0]) * per_block
        width = features[0]
    for stage, wide in enumerate(features):
        count = plan.n_conv_per_stage[stage]
        # U-Mamba's constructor leaves one block in the deeper half of the encoder.
        if is_umamba and stage >= math.ceil(len(features) / 2):
            count = 1
        kernel = plan.kernel_sizes[stage]
        total += _convolution(voxels[stage], width, wide, kernel)
        total += (count * per_block - 1) * _convolution(voxels[stage], wide, wide, kernel)
        width = wide
    for step in range(len(features) - 1):
        stage = len(features) - 2 - step
        wide = features[stage]
        count = plan.n_conv_per_stage_decoder[step]
        if is_umamba and step >= math.ceil((len(features) - 1) / 2 + 0.5):
            count = 1
        kernel = plan.kernel_sizes[stage]
        total += _convolution(voxels[stage + 1], features[stage + 1], wide, plan.strides[stage + 1])
        total += _convolution(voxels[stage], 2 * wide, wide, kernel)
        blocks = per_block if is_umamba else 1
        total += (count * blocks - 1) * _convolution(voxels[stage], wide, wide, kernel)
    return total + 2.0 * voxels[0] * features[0] * classes


def _convolution(voxels: float, channels_in: int, channels_out: int, kernel: tuple[int, ...]) -> float:
    return 2.0 * voxels * channels_in * channels_out * math.prod(kernel)


def peak_activation_values(plan: NetworkPlan, classes: int) -> float:
    """Count the numbers that are in memory at the most crowded point of a forward pass of one window.

    That is in the last decoder stage: the skip, the upsampled map, their concatenation, the convolution's input and
    output, and the logits.
    """
    full = _voxels_per_stage(plan, None)[0]
    return full * (6 * plan.features_per_stage[0] + 2 * classes)


def weight_count(plan: NetworkPlan) -> float:
    """Count the weights of the convolutions, roughly."""
    features = plan.features_per_stage
    total = 0.0
    for stage, wide in enumerate(features):
        before = features[stage - 1] if stage else 1
        size = math.prod(plan.kernel_sizes[stage])
        total += size * (before * wide + (plan.n_conv_per_stage[stage] - 1) * wide * wide)
        if stage < len(features) - 1:
            total += size * (2 * wide * wide + (plan.n_conv_per_stage_decoder[0] - 1) * wide * wide)
    return total
