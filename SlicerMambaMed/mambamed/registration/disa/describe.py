"""Descriptors of an image, with their place in physical space."""

from __future__ import annotations

from dataclasses import dataclass

import SimpleITK as sitk
import torch
from torch import Tensor
from torch.nn import functional

from mambamed.registration.disa.network import DISANet
from mambamed.registration.disa.network import clip_norm
from mambamed.registration.disa.precision import choose_format
from mambamed.registration.disa.precision import inference_copy
from mambamed.registration.disa.prepare import PreparedVolume
from mambamed.registration.disa.prepare import prepare_volume
from mambamed.registration.disa.quantised import QuantisedDescriptors
from mambamed.registration.disa.quantised import quantise
from mambamed.registration.disa.weights import default_network
from mambamed.registration.geometry import GridGeometry

__all__ = ["BORDER_VOXELS", "Descriptors", "describe_prepared", "describe_volume", "descriptors"]

BORDER_VOXELS = 16
"""Replicated voxels around the input. Zero padding inside the network reaches 24 voxels in principle; with 16
replicated ones the descriptors at the border were within 0.3 % of those with all 24 (10 % with 8)."""


@dataclass(frozen=True)
class Descriptors:
    """Descriptors on a grid; the similarity of two of them is their dot product.

    Attributes:
        tensor: (1, 16, X, Y, Z), float32, every descriptor at most 1 long; axes in the order of the grid's indices.
        geometry: grid of the descriptors in physical space (LPS, mm).
        precision: "float32" or "bfloat16", what the network ran in.
    """

    tensor: Tensor
    geometry: GridGeometry
    precision: str

    def quantise(self) -> QuantisedDescriptors:
        """The same in 8 bits."""
        return quantise(self.tensor, self.geometry)


def descriptors(
    image: sitk.Image,
    spacing_mm: float | None = None,
    stride: int = 4,
    *,
    network: DISANet | None = None,
    mask: sitk.Image | None = None,
    sign_average: bool = False,
    precision: str = "auto",
    device: str | torch.device = "cpu",
) -> Descriptors:
    """Describe an image for registration.

    Args:
        image: scalar 3D image, LPS, millimetres, any orientation.
        spacing_mm: spacing to which the image is resampled first; None means 2 mm, that of the training. Images can
            only be compared at the same spacing.
        stride: 4, 2 or 1 voxels of the working grid between descriptors.
        network: network with weights; None takes the bundled ones.
        mask: voxels that decide on the normalisation; None means all.
        sign_average: average the descriptors of the image and of its negative (twice the time).
        precision: "float32", "bfloat16", or "auto": bfloat16 where a measurement on this machine found it faster.
        device: where the network runs; the result is on the CPU.

    Returns:
        Descriptors with their grid.

    Raises:
        BadRequestError: the image cannot be described (see ``prepare_volume``), or a setting is not one of those above.
    """
    prepared = prepare_volume(image, spacing_mm, mask)
    return describe_prepared(
        prepared, stride, network=network, sign_average=sign_average, precision=precision, device=device
    )


def describe_prepared(
    prepared: PreparedVolume,
    stride: int = 4,
    *,
    network: DISANet | None = None,
    sign_average: bool = False,
    precision: str = "auto",
    device: str | torch.device = "cpu",
) -> Descriptors:
    """Describe a volume that is already resampled and normalised; arguments as for ``descriptors``."""
    chosen_device = torch.device(device)
    chosen = choose_format(precision, chosen_device)
    runner = inference_copy(network or default_network(), chosen, chosen_device)
    volume = prepared.tensor.to(chosen_device, next(runner.parameters()).dtype)
    features = describe_volume(runner, volume, stride)
    if sign_average:
        features = clip_norm(0.5 * (features + describe_volume(runner, -volume, stride)))
    return Descriptors(features.cpu(), prepared.geometry.strided(stride), chosen)


@torch.no_grad()  # not inference mode: refining a field differentiates the sampling of these tensors
def describe_volume(network: DISANet, volume: Tensor, stride: int = 4) -> Tensor:
    """Run the network over a normalised volume with replicated borders.

    Args:
        network: the network, in the type and on the device of the volume.
        volume: (B, 1, X, Y, Z).
        stride: 4, 2 or 1.

    Returns:
        Clipped descriptors (B, 16, ceil(X / stride), ceil(Y / stride), ceil(Z / stride)), float32; sample k lies on
        voxel k * stride.
    """
    sizes = volume.shape[2:]
    padding: list[int] = []
    for size in reversed(sizes):
        # The far side is filled up to a multiple of the stride, so that every axis is sampled alike.
        padding += [BORDER_VOXELS, BORDER_VOXELS + (-size) % 4]
    features = network(functional.pad(volume, padding, mode="replicate"), stride=stride)
    first = BORDER_VOXELS // stride
    index = [slice(None), slice(None)] + [slice(first, first - (-size // stride)) for size in sizes]
    return clip_norm(features[tuple(index)].float()).contiguous()
